import { decodeJwt } from 'jose';
import { GenAuthEmulator, type GenAuthEmulatorOptions } from '../../../src/emulator/index.js';
import {
  areActive,
  askAsApp,
  getRefreshable,
  getTokens,
  getUserInfo,
  later,
  type OAuthAnswer,
  refresh,
  revoke,
  type Tokens,
  useEmulator,
  verify,
} from '../support.js';

const emulator = useEmulator();

const INVALID_GRANT = {
  status: 400,
  body: { error: 'invalid_grant', error_description: 'grant request is invalid' },
};

const tokensOf = ({ body }: OAuthAnswer) => body as unknown as Tokens;

async function start(options: GenAuthEmulatorOptions) {
  return new GenAuthEmulator(options).start();
}

describe('a refresh', () => {
  test('answers new tokens, flat, for the same user, app and scope', async () => {
    const before = await getRefreshable(emulator(), 'email openid offline_access');
    const answer = await refresh(emulator(), before.refresh_token);
    expect([answer.status, answer.headers['content-type'], answer.headers['cache-control']]).toEqual([
      200,
      'application/json; charset=utf-8',
      'no-store',
    ]);
    const after = tokensOf(answer);
    expect(after).toEqual({
      scope: 'email openid offline_access',
      token_type: 'Bearer',
      access_token: expect.any(String),
      id_token: expect.any(String),
      refresh_token: expect.stringMatching(/^[\w-]{43}$/),
      expires_in: 1_209_600,
      expire_in: 1_209_600,
    });
    const [old, access, id] = [
      decodeJwt(before.access_token),
      (await verify(emulator(), after.access_token)).payload,
      (await verify(emulator(), after.id_token)).payload,
    ];
    expect(access).toEqual({ ...old, iat: access.iat, exp: Number(access.iat) + 1_209_600, jti: access.jti });
    expect(access.jti).not.toBe(old.jti);
    expect(id).toMatchObject({ sub: old.sub, email: 'alice@example.com', email_verified: true });
    expect(id).not.toHaveProperty('name');
    expect(after.refresh_token).not.toBe(before.refresh_token);
    expect(emulator().requests('token')).toBe(1);
  });

  test.each([
    ['expires_in', { expires_in: 60 }],
    ['expire_in', { expire_in: 60 }],
    ['both', { expires_in: 60, expire_in: 60 }],
  ] as const)('tells the lifetime by %s, as the sign-in does', async (lifetimeField, expected) => {
    await using own = await start({ lifetimeField, tokenLifetime: 60 });
    const { body } = await refresh(own, (await getRefreshable(own)).refresh_token);
    const { expires_in, expire_in } = body;
    expect(JSON.parse(JSON.stringify({ expires_in, expire_in }))).toEqual(expected);
  });

  test('is for AD accounts as well, in their tenant', async () => {
    const { refresh_token } = await getTokens(emulator(), {
      connection: 'AD',
      adPayload: { sAMAccountName: 'zhangsan', password: 'AdPassw0rd' },
      options: { scope: 'openid username tenant_id offline_access', tenantId: 'tenant-1' },
    });
    const after = tokensOf(await refresh(emulator(), refresh_token));
    for (const token of [after.id_token, after.access_token]) {
      expect(decodeJwt(token)).toMatchObject({ tenant_id: 'tenant-1' });
    }
    expect(decodeJwt(after.id_token)).toMatchObject({ username: 'zhangsan' });
  });

  test('makes the next id_token wrong if a flaw waits, and no access token', async () => {
    const { refresh_token } = await getRefreshable(emulator());
    emulator().flawIdToken('wrong_audience');
    const flawed = tokensOf(await refresh(emulator(), refresh_token));
    await expect(verify(emulator(), flawed.id_token)).rejects.toMatchObject({ claim: 'aud' });
    await verify(emulator(), flawed.access_token);
    const right = tokensOf(await refresh(emulator(), flawed.refresh_token));
    await verify(emulator(), right.id_token);
  });

  test('leaves earlier access tokens alive', async () => {
    const before = await getRefreshable(emulator());
    await refresh(emulator(), before.refresh_token);
    expect(await areActive(emulator(), before.access_token)).toEqual([true]);
  });

  test('works after a rotation of keys, with the new one', async () => {
    const { refresh_token } = await getRefreshable(emulator());
    await emulator().rotateKeys({ withdraw: true });
    await verify(emulator(), tokensOf(await refresh(emulator(), refresh_token)).id_token);
  });
});

describe('rotation', () => {
  test('uses a refresh token up, and coming again it ends nothing else', async () => {
    const first = await getRefreshable(emulator());
    const second = tokensOf(await refresh(emulator(), first.refresh_token));
    for (let i = 0; i < 2; i++) expect(await refresh(emulator(), first.refresh_token)).toMatchObject(INVALID_GRANT);
    expect(await areActive(emulator(), first.refresh_token, first.access_token, second.access_token)).toEqual([
      false,
      true,
      true,
    ]);
    expect((await refresh(emulator(), second.refresh_token)).status).toBe(200);
  });

  test('lets one of several simultaneous refreshes have it', async () => {
    const { refresh_token } = await getRefreshable(emulator());
    const answers = await Promise.all([1, 2, 3, 4].map(() => refresh(emulator(), refresh_token)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([200, 400, 400, 400]);
  });

  test('can be off: the token stays, and no answer carries it again', async () => {
    await using own = await start({ rotateRefreshTokens: false });
    const { refresh_token } = await getRefreshable(own);
    for (let i = 0; i < 3; i++) {
      const { status, body } = await refresh(own, refresh_token);
      expect([status, 'refresh_token' in body, typeof body['access_token']]).toEqual([200, false, 'string']);
    }
    await revoke(own, refresh_token);
    expect(await refresh(own, refresh_token)).toMatchObject(INVALID_GRANT);
  });
});

describe('the lifetime of a refresh token', () => {
  test('is 30 days by default', async () => {
    const [young, old] = [await getRefreshable(emulator()), await getRefreshable(emulator())];
    await later(2_592_000 - 10, async () => expect((await refresh(emulator(), young.refresh_token)).status).toBe(200));
    await later(2_592_000, async () =>
      expect(await refresh(emulator(), old.refresh_token)).toMatchObject(INVALID_GRANT),
    );
  });

  test('is that of the option, anew for each that a rotation brings', async () => {
    await using own = await start({ refreshTokenLifetime: 100 });
    const { refresh_token } = await getRefreshable(own);
    const next = await later(60, async () => tokensOf(await refresh(own, refresh_token)));
    const last = await later(120, async () => tokensOf(await refresh(own, next.refresh_token)));
    await later(220, async () => expect(await refresh(own, last.refresh_token)).toMatchObject(INVALID_GRANT));
  });

  test('runs from the sign-in where there is no rotation', async () => {
    await using own = await start({ refreshTokenLifetime: 100, rotateRefreshTokens: false });
    const { refresh_token } = await getRefreshable(own);
    await later(60, async () => expect((await refresh(own, refresh_token)).status).toBe(200));
    await later(100, async () => expect(await refresh(own, refresh_token)).toMatchObject(INVALID_GRANT));
  });
});

/** What is no refresh token of this app that lives. */
const DEAD: [string, (own: GenAuthEmulator, live: Tokens) => Promise<string> | string][] = [
  ['unknown', () => 'x'.repeat(43)],
  ['short', () => 'x'],
  ['an access token', (_own, live) => live.access_token],
  ['an id_token', (_own, live) => live.id_token],
  ['changed in its last character', (_own, { refresh_token = '' }) => `${refresh_token.slice(0, -1)}~`],
  ['in another case', (_own, { refresh_token = '' }) => refresh_token.toUpperCase()],
  ['with a space', (_own, { refresh_token = '' }) => ` ${refresh_token}`],
  [
    'revoked',
    async (own) => {
      const { refresh_token = '' } = await getRefreshable(own);
      await revoke(own, refresh_token);
      return refresh_token;
    },
  ],
  [
    'a successor of which was revoked',
    async (own) => {
      const { refresh_token = '' } = await getRefreshable(own);
      const { refresh_token: next = '' } = tokensOf(await refresh(own, refresh_token));
      await revoke(own, next);
      return next;
    },
  ],
  [
    'another app’s',
    async () => {
      await using other = await start({ appId: 'other' });
      return (await getRefreshable(other)).refresh_token ?? '';
    },
  ],
  [
    'a removed user’s',
    async (own) => {
      own.addUser({ username: 'short-lived', password: 'p' });
      const { refresh_token = '' } = await getTokens(own, {
        passwordPayload: { account: 'short-lived', password: 'p' },
        options: { scope: 'openid offline_access' },
      });
      own.removeUser('short-lived');
      return refresh_token;
    },
  ],
];

test.each(DEAD)('a refresh token that is %s is refused, and all alike', async (_name, get) => {
  const live = await getRefreshable(emulator());
  const answer = await refresh(emulator(), await get(emulator(), live));
  expect([answer.status, answer.text, answer.headers['cache-control']]).toEqual([
    400,
    '{"error":"invalid_grant","error_description":"grant request is invalid"}',
    'no-store',
  ]);
  expect((await refresh(emulator(), live.refresh_token)).status).toBe(200);
});

test('an emulator that was stopped knows none from before', async () => {
  await using own = await start({});
  const { refresh_token, access_token } = await getRefreshable(own);
  await own.stop();
  await own.start();
  expect(await refresh(own, refresh_token)).toMatchObject(INVALID_GRANT);
  expect(await areActive(own, access_token, refresh_token)).toEqual([false, false]);
});

test('reset leaves tokens alone', async () => {
  const { refresh_token } = await getRefreshable(emulator());
  emulator().reset();
  expect((await refresh(emulator(), refresh_token)).status).toBe(200);
});

describe('scope', () => {
  test.each([
    ['openid', 'openid'],
    ['email openid', 'email openid'],
    ['openid openid', 'openid'],
    ['  openid  email ', 'openid email'],
  ])('%p asks for less, and is granted as %p', async (scope, granted) => {
    const { refresh_token } = await getRefreshable(emulator(), 'openid profile email offline_access');
    const narrow = tokensOf(await refresh(emulator(), refresh_token, { scope }));
    expect([narrow.scope, decodeJwt(narrow.access_token)['scope']]).toEqual([granted, granted]);
    const claims = [decodeJwt(narrow.id_token), (await getUserInfo(emulator(), narrow.access_token)).body];
    for (const each of claims) {
      expect(['name' in each, 'email' in each]).toEqual([false, granted.includes('email')]);
    }
    // The refresh token still has all of it.
    const wide = tokensOf(await refresh(emulator(), narrow.refresh_token));
    expect(wide.scope).toBe('openid profile email offline_access');
  });

  test('without openid brings no id_token, and uses up no flaw', async () => {
    const { refresh_token } = await getRefreshable(emulator());
    emulator().flawIdToken('unsigned');
    const narrow = tokensOf(await refresh(emulator(), refresh_token, { scope: 'email' }));
    expect(narrow).not.toHaveProperty('id_token');
    expect(narrow.scope).toBe('email');
    const next = tokensOf(await refresh(emulator(), narrow.refresh_token));
    expect(next.id_token).toMatch(/\.$/);
  });

  test.each(['openid phone', 'phone', 'openid unknown', 'OPENID', 'openid,email', ' ', '__proto__'])(
    '%p is more than was granted: it is refused, and the token is not used up',
    async (scope) => {
      const { refresh_token } = await getRefreshable(emulator());
      const answer = await refresh(emulator(), refresh_token, { scope });
      expect([answer.status, answer.body['error']]).toEqual([400, 'invalid_scope']);
      expect((await refresh(emulator(), refresh_token)).status).toBe(200);
    },
  );

  test('that is empty counts as left out', async () => {
    const { refresh_token } = await getRefreshable(emulator());
    expect((await refresh(emulator(), refresh_token, { scope: '' })).body['scope']).toBe('openid email offline_access');
  });
});

describe('grant_type', () => {
  test.each([
    'authorization_code',
    'client_credentials',
    'password',
    'http://genauth.ai/oidc/grant_type/genauth_token',
    'Refresh_Token',
    'constructor',
  ])('%s is not supported', async (grant_type) => {
    const { refresh_token } = await getRefreshable(emulator());
    const form = { grant_type, refresh_token, code: 'x', redirect_uri: 'x', username: 'alice', password: 'passw0rd' };
    const { status, body } = await askAsApp(emulator(), '/token', form);
    expect([status, body['error']]).toEqual([400, 'unsupported_grant_type']);
    expect((await refresh(emulator(), refresh_token)).status).toBe(200);
  });

  test('refresh_token without one is no request', async () => {
    const { status, body } = await refresh(emulator(), undefined);
    expect([status, body]).toEqual([
      400,
      { error: 'invalid_request', error_description: 'missing required parameter refresh_token' },
    ]);
  });

  test('a redirect_uri is not needed and does no harm', async () => {
    const { refresh_token } = await getRefreshable(emulator());
    const redirect_uri = 'https://example.com/callback';
    expect((await refresh(emulator(), refresh_token, { redirect_uri })).status).toBe(200);
  });
});
