import { decodeJwt } from 'jose';
import type { GenAuthEmulator } from '../../../src/emulator/index.js';
import {
  areActive,
  asUser,
  getRefreshable,
  getRefreshed,
  getTokens,
  getUserInfo,
  introspect,
  later,
  refresh,
  revoke,
  type Tokens,
  useEmulator,
  verify,
} from '../support.js';

const emulator = useEmulator();
/** Each option has the value that is not its default. */
const other = useEmulator({
  appId: 'other',
  tokenLifetime: 100,
  refreshTokenLifetime: 200,
  rotateRefreshTokens: false,
  introspectionScopeSeparator: ',',
  revocationAnswer: 'empty',
});

const INVALID_GRANT = { status: 400, text: '{"error":"invalid_grant","error_description":"grant request is invalid"}' };
const INACTIVE = { status: 200, text: '{"active":false}' };

/** Returns a refreshable sign-in of a user who was removed afterwards. */
async function getTokensOfRemovedUser(own: GenAuthEmulator): Promise<Tokens> {
  own.addUser({ username: 'temp', password: 'p' });
  const tokens = await getTokens(own, asUser('temp', 'p', { scope: 'openid offline_access' }));
  own.removeUser('temp');
  return tokens;
}

/** Texts that are not a valid token of the emulator. */
const INVALID: [string, (live: Tokens) => Promise<string | undefined> | string | undefined][] = [
  ['an unknown text', () => 'x'.repeat(43)],
  ['an id_token', ({ id_token }) => id_token],
  ['an access token without its signature', ({ access_token }) => access_token.replace(/[^.]+$/, '')],
  ['an access token with other unused bits at its end', ({ access_token }) => flipLastBit(access_token)],
  ['an access token with a space', ({ access_token }) => `${access_token} `],
  ['a refresh token in upper case', ({ refresh_token }) => refresh_token?.toUpperCase()],
  ['a refresh token of another app', async () => (await getRefreshable(other())).refresh_token],
  ['an access token of another app', async () => (await getRefreshable(other())).access_token],
  ['a refresh token of a removed user', async () => (await getTokensOfRemovedUser(emulator())).refresh_token],
  ['an access token of a removed user', async () => (await getTokensOfRemovedUser(emulator())).access_token],
];

/** The last base64url character of an RSA-2048 signature has two bits of the signature. The other four are unused. */
function flipLastBit(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return token.slice(0, -1) + alphabet.charAt(alphabet.indexOf(token.slice(-1)) ^ 1);
}

it.each(INVALID)('refuses and changes nothing for %s', async (_title, choose) => {
  const live = await getRefreshable(emulator());
  const text = await choose(live);
  expect(await refresh(emulator(), text)).toMatchObject(INVALID_GRANT);
  expect(await introspect(emulator(), text)).toMatchObject(INACTIVE);
  expect((await revoke(emulator(), text)).body).toMatchObject({ data: { success: true } });
  expect(await areActive(emulator(), live.access_token, live.refresh_token)).toEqual([true, true]);
});

describe('POST /oidc/token', () => {
  it('returns new tokens for the same user, app and scopes', async () => {
    const before = await getRefreshable(emulator(), 'email openid offline_access');
    const { status, headers, body } = await refresh(emulator(), before.refresh_token);
    expect([status, headers['cache-control']]).toEqual([200, 'no-store']);
    const after = body as unknown as Tokens;
    expect(after).toMatchObject({ scope: 'email openid offline_access', expires_in: 1_209_600, expire_in: 1_209_600 });
    expect(after.refresh_token).not.toBe(before.refresh_token);
    const [old, { payload }] = [decodeJwt(before.access_token), await verify(emulator(), after.access_token)];
    expect(payload).toEqual({ ...old, iat: payload.iat, exp: Number(payload.iat) + 1_209_600, jti: payload.jti });
    expect(payload.jti).not.toBe(old.jti);
    expect((await verify(emulator(), after.id_token)).payload).toMatchObject({
      sub: old.sub,
      email: 'alice@example.com',
    });
  });

  it('replaces the refresh token, and refuses the old one without ending the new one', async () => {
    const first = await getRefreshable(emulator());
    const second = await getRefreshed(emulator(), first.refresh_token);
    expect(await refresh(emulator(), first.refresh_token)).toMatchObject(INVALID_GRANT);
    const all = [first.refresh_token, first.access_token, second.access_token, second.refresh_token];
    expect(await areActive(emulator(), ...all)).toEqual([false, true, true, true]);
    expect((await revoke(emulator(), first.refresh_token)).status).toBe(200);
    expect((await refresh(emulator(), second.refresh_token)).status).toBe(200);
  });

  it('accepts a refresh token once when it is sent several times at once', async () => {
    const { refresh_token } = await getRefreshable(emulator());
    const answers = await Promise.all([1, 2, 3, 4].map(() => refresh(emulator(), refresh_token)));
    expect(answers.map(({ status }) => status).toSorted((a, b) => Number(a) - Number(b))).toEqual([200, 400, 400, 400]);
  });

  it('keeps the refresh token without rotation, and returns none', async () => {
    const { refresh_token } = await getRefreshable(other());
    const answers = [await refresh(other(), refresh_token), await refresh(other(), refresh_token)];
    expect(answers.map(({ status, body }) => [status, 'refresh_token' in body])).toEqual([
      [200, false],
      [200, false],
    ]);
  });

  it('counts the lifetime of a new refresh token from its creation', async () => {
    const first = await getRefreshable(emulator());
    const second = await later(2_000_000, () => getRefreshed(emulator(), first.refresh_token));
    expect((await later(4_591_000, () => refresh(emulator(), second.refresh_token))).status).toBe(200);
  });

  it.each([
    ['openid', 'openid'],
    ['email openid', 'email openid'],
    ['  openid  email openid ', 'openid email'],
    ['email', 'email'],
    ['', 'openid profile email offline_access'],
  ])('grants the scopes %j as %j, and the next refresh all scopes again', async (scope, granted) => {
    const { refresh_token } = await getRefreshable(emulator(), 'openid profile email offline_access');
    const narrow = await getRefreshed(emulator(), refresh_token, { scope });
    expect([narrow.scope, decodeJwt(narrow.access_token)['scope']]).toEqual([granted, granted]);
    expect('id_token' in narrow).toBe(granted.includes('openid'));
    expect((await getRefreshed(emulator(), narrow.refresh_token)).scope).toBe('openid profile email offline_access');
  });

  it.each(['openid phone', 'openid unknown', 'OPENID', 'openid,email', ' ', '__proto__'])(
    'refuses the scopes %j, which exceed the grant, and keeps the refresh token',
    async (scope) => {
      const { refresh_token } = await getRefreshable(emulator());
      expect(await refresh(emulator(), refresh_token, { scope })).toMatchObject({
        status: 400,
        body: { error: 'invalid_scope' },
      });
      expect((await refresh(emulator(), refresh_token)).status).toBe(200);
    },
  );

  it.each(['authorization_code', 'password', 'Refresh_Token'])('refuses the grant type %s', async (grant_type) => {
    const answer = await refresh(emulator(), 'x', { grant_type });
    expect(answer).toMatchObject({ status: 400, body: { error: 'unsupported_grant_type' } });
  });

  it('applies a queued flaw only to an id_token', async () => {
    const { refresh_token } = await getRefreshable(emulator());
    emulator().flawIdToken('wrong_audience');
    const narrow = await getRefreshed(emulator(), refresh_token, { scope: 'email' });
    const flawed = await getRefreshed(emulator(), narrow.refresh_token);
    await expect(verify(emulator(), flawed.id_token)).rejects.toMatchObject({ claim: 'aud' });
    await verify(emulator(), flawed.access_token);
    await verify(emulator(), (await getRefreshed(emulator(), flawed.refresh_token)).id_token);
  });
});

describe('POST /oidc/token/introspection', () => {
  it('returns the claims of an access token', async () => {
    const { access_token } = await getRefreshable(emulator());
    const { body, headers } = await introspect(emulator(), access_token);
    const { aud, ...claims } = decodeJwt(access_token);
    expect(body).toEqual({ active: true, client_id: aud, token_type: 'Bearer', ...claims });
    expect(headers['cache-control']).toBe('no-store');
    const withCommas = await introspect(other(), (await getRefreshable(other())).access_token);
    expect(withCommas.body['scope']).toBe('openid,email,offline_access');
  });

  it('returns the expiry of a refresh token, and a jti that is not the token', async () => {
    const { access_token, refresh_token = '' } = await getRefreshable(emulator());
    const { body, text } = await introspect(emulator(), refresh_token);
    const { sub, iat, iss, scope } = decodeJwt(access_token);
    expect(body).toMatchObject({ active: true, sub, iat, iss, scope, exp: Number(iat) + 2_592_000 });
    expect(text).not.toContain(refresh_token);
  });

  it.each([
    [90, [true, true], 200, 200],
    [100, [false, true], 401, 200],
    [190, [false, true], 401, 200],
    [200, [false, false], 401, 400],
  ])('and all endpoints let each token expire: after %i s', async (seconds, active, userInfo, refreshed) => {
    const { access_token, refresh_token } = await getRefreshable(other());
    await later(seconds, async () => {
      expect(await areActive(other(), access_token, refresh_token)).toEqual(active);
      expect((await getUserInfo(other(), access_token)).status).toBe(userInfo);
      expect((await refresh(other(), refresh_token)).status).toBe(refreshed);
    });
  });

  it('calls tokens inactive while the user is disabled', async () => {
    emulator().addUser({ username: 'dave', password: 'p' });
    const { access_token, refresh_token } = await getTokens(
      emulator(),
      asUser('dave', 'p', { scope: 'openid offline_access' }),
    );
    emulator().updateUser('dave', { disabled: true });
    expect(await areActive(emulator(), access_token, refresh_token)).toEqual([false, false]);
    emulator().updateUser('dave', { disabled: false });
    expect(await areActive(emulator(), access_token, refresh_token)).toEqual([true, true]);
    emulator().removeUser('dave');
    emulator().addUser({ username: 'dave', password: 'p' });
    expect(await areActive(emulator(), access_token, refresh_token)).toEqual([false, false]);
  });
});

describe('POST /oidc/token/revocation', () => {
  it.each(['access_token', 'refresh_token'])(
    'ends only the access token, with the hint %s',
    async (token_type_hint) => {
      const { access_token, refresh_token } = await getRefreshable(emulator());
      expect((await revoke(emulator(), access_token, { token_type_hint })).status).toBe(200);
      expect(await areActive(emulator(), access_token, refresh_token)).toEqual([false, true]);
      expect((await getUserInfo(emulator(), access_token)).status).toBe(401);
      expect((await revoke(emulator(), access_token)).status).toBe(200);
    },
  );

  it('ends a refresh token with all access tokens of its sign-in, and no other sign-in', async () => {
    const first = await getRefreshable(emulator());
    const second = await getRefreshed(emulator(), first.refresh_token);
    const others = await getRefreshable(emulator());
    await revoke(emulator(), second.refresh_token);
    const ended = [first.access_token, second.access_token, second.refresh_token];
    expect(await areActive(emulator(), ...ended)).toEqual([false, false, false]);
    expect(await refresh(emulator(), second.refresh_token)).toMatchObject(INVALID_GRANT);
    expect(await areActive(emulator(), others.access_token, others.refresh_token)).toEqual([true, true]);
  });

  it('also ends the tokens of a refresh in progress', async () => {
    const { refresh_token } = await getRefreshable(other());
    const [{ body }] = await Promise.all([refresh(other(), refresh_token), revoke(other(), refresh_token)]);
    const active = await areActive(other(), body['access_token'] as string | undefined, refresh_token);
    expect(active).not.toContain(true);
  });

  it('answers without a body if the option revocationAnswer is empty', async () => {
    const { headers, text } = await revoke(other(), 'unknown');
    expect([text, headers['content-type'], headers['cache-control']]).toEqual(['', undefined, 'no-store']);
  });
});

it('a reset ends no token', async () => {
  const { refresh_token } = await getRefreshable(emulator());
  emulator().reset();
  expect(await areActive(emulator(), refresh_token)).toEqual([true]);
});
