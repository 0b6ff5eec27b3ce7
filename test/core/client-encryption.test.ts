import type { Credentials } from '../../src/core/sign-in/credentials.js';
import type { SignInOptions } from '../../src/core/sign-in/sign-in-options.js';
import { lastSignIn, useClients } from '../support/client.js';
import { JWKS_PATH, type Reply, SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { type PasswordKeyPair, createRsaPasswordKey, createSm2PasswordKey } from '../support/password-key.js';
import { Gate, catchError, until } from '../support/promise.js';

const SYSTEM_PATH = '/api/v3/system';
const TEN_MINUTES = 600_000;
const PASSWORD = 'canary-Passw0rd-ünïcode';
const ALICE = { account: 'alice', password: PASSWORD };
const DECRYPTION_FAILED: Reply = { body: { statusCode: 499, apiCode: 2016, message: 'Decrypt password failed' } };

const issuer = useIssuer();
const open = useClients(issuer);
const pairs = { rsa: createRsaPasswordKey(), sm2: createSm2PasswordKey() };
const later = { rsa: createRsaPasswordKey(), sm2: createSm2PasswordKey() };

const systemOf = ({ rsa, sm2 }: Record<'rsa' | 'sm2', PasswordKeyPair>): object => ({
  rsa: { publicKey: rsa.publicKey },
  sm2: { publicKey: sm2.publicKey },
  version: { server: '2.0.0' },
});
const fetches = (): number => issuer().count(SYSTEM_PATH);
const signIns = (): number => issuer().count(SIGN_IN_PATH);
/** What a sign-in body holds for the person. */
const payloadOf = (body: string): Record<string, string> => {
  const { passwordPayload, adPayload } = JSON.parse(body) as Record<string, Record<string, string>>;
  return passwordPayload ?? adPayload ?? {};
};
const lastBody = (): string => issuer().requests.findLast(({ path }) => path === SIGN_IN_PATH)?.body ?? '{}';
/** The password that a sign-in brought, as the holder of the keys reads it; undefined where these are not the right ones. */
const read = (body: string, { rsa, sm2 }: typeof pairs): string | undefined => {
  const pair = body.includes('"passwordEncryptType":"rsa"') ? rsa : sm2;
  try {
    return pair.decrypt(payloadOf(body)['password'] ?? '').toString() || undefined;
  } catch {
    return undefined;
  }
};
/** GenAuth with these keys: 2016 for whatever it cannot read. */
const holdKeys = (held: typeof pairs): void => {
  const data = {
    id_token: issuer().sign(issuer().idTokenClaims()),
    access_token: issuer().sign(issuer().accessTokenClaims()),
  };
  issuer().reply(SYSTEM_PATH, { body: systemOf(held) });
  issuer().reply(SIGN_IN_PATH, ({ body }) =>
    read(body, held) === PASSWORD ? { body: { statusCode: 200, data } } : DECRYPTION_FAILED,
  );
};
/** Every byte that came, in the forms in which a password could be among them. */
const expectNowhere = (password: string): void => {
  const received = issuer().requests.map(({ path, headers, body }) => `${path}\n${JSON.stringify(headers)}\n${body}`);
  const bytes = Buffer.from(password);
  const base64 = bytes.toString('base64').replace(/=+$/, '');
  const json = JSON.stringify(password).slice(1, -1);
  for (const form of [password, json, encodeURIComponent(password), bytes.toString('hex'), base64]) {
    expect(received.join('\n')).not.toContain(form);
  }
};

beforeEach(() => holdKeys(pairs));

describe.each(['rsa', 'sm2'] as const)('passwordEncryptType %s', (passwordEncryptType) => {
  it.each<[string, (system: object) => Reply]>([
    ['unwrapped', (body) => ({ body })],
    ['wrapped', (data) => ({ body: { statusCode: 200, message: '', data } })],
    ['wrapped, and other keys inside', (body) => ({ body: { ...body, data: systemOf(later) } })],
  ])('with the system answer %s: signed in, and the password is nowhere on the wire', async (_, reply) => {
    issuer().reply(SYSTEM_PATH, reply(systemOf(pairs)));
    expect(await open({ passwordEncryptType }).signIn(ALICE)).toMatchObject({ kind: 'success' });
    expect([fetches(), signIns()]).toEqual([1, 1]);
    expect(lastSignIn(issuer()).options['passwordEncryptType']).toBe(passwordEncryptType);
    expectNowhere(PASSWORD);
    const system = issuer().requests.find(({ path }) => path === SYSTEM_PATH);
    const { appId } = issuer().clientOptions;
    expect(system).toMatchObject({ method: 'GET', body: '', headers: { 'x-authing-app-id': appId } });
    expect(system?.headers).toHaveProperty('x-genauth-app-id', appId);
    expect(system?.headers).not.toHaveProperty('authorization');
  });

  it.each<[string, Credentials]>([
    ['account', ALICE],
    ['email', { email: 'a@example.com', password: PASSWORD }],
    ['sAMAccountName', { sAMAccountName: 'zhangsan', password: PASSWORD }],
  ])('%s goes as it is, the password alone is encrypted', async (name, credentials) => {
    await open({ passwordEncryptType }).signIn(credentials);
    expect(payloadOf(lastBody())).toEqual({ ...credentials, password: expect.any(String) });
    expect(Object.keys(payloadOf(lastBody()))).toEqual([name, 'password']);
    expect(pairs[passwordEncryptType].decrypt(payloadOf(lastBody())['password'] ?? '').toString()).toBe(PASSWORD);
    expectNowhere(PASSWORD);
  });

  it.each<[string, Reply]>([
    ['HTTP 500', { status: 500 }],
    ['HTTP 404', { status: 404, body: {} }],
    ['HTTP 403 with the keys', { status: 403, body: systemOf(pairs) }],
    ['HTML', { body: '<html>' }],
    ['nothing', { body: '' }],
    ['null', { body: 'null' }],
    ['an empty object', { body: {} }],
    ['an error', { body: { statusCode: 500, message: 'busy' } }],
    ['the other key alone', { body: { [passwordEncryptType === 'rsa' ? 'sm2' : 'rsa']: { publicKey: 'x' } } }],
    ['a key that is null', { body: { [passwordEncryptType]: { publicKey: null } } }],
    ['a key that is empty', { body: { [passwordEncryptType]: { publicKey: '' } } }],
    ['a key that is garbage', { body: { [passwordEncryptType]: { publicKey: 'garbage' } } }],
    [
      'the key of the other kind',
      { body: { rsa: { publicKey: pairs.sm2.publicKey }, sm2: { publicKey: pairs.rsa.publicKey } } },
    ],
    ['a redirect', { status: 302, headers: { location: '/elsewhere' } }],
    ['more than 256 KiB', { body: { ...systemOf(pairs), filler: 'x'.repeat(262_144) } }],
    ['a connection that is reset', { reset: true }],
  ])('keys: %s: no login, and no password on the wire in any form', async (_, reply) => {
    issuer().reply(SYSTEM_PATH, reply);
    const client = open({ passwordEncryptType });
    for (let i = 1; i <= 2; i += 1) {
      expect(await catchError(client.signIn(ALICE))).toMatchObject({ name: 'UpstreamError' });
      // A failure is not kept: the next login asks again.
      expect([fetches(), signIns()]).toEqual([i, 0]);
    }
    expectNowhere(PASSWORD);
    issuer().reply(SYSTEM_PATH, { body: systemOf(pairs) });
    expect(await client.signIn(ALICE)).toMatchObject({ kind: 'success' });
  });

  it('the keys are kept for ten minutes, and not for ever by a clock that is set back', async () => {
    let now = 1_760_000_000_000;
    const client = open({ passwordEncryptType }, { now: () => now });
    const signIn = (): Promise<unknown> => client.signIn({ ...ALICE, password: 'wrong' }).catch(() => {});
    issuer().reply(SIGN_IN_PATH, { body: { statusCode: 403, apiCode: 2333 } });
    for (const [advance, expected] of [
      [0, 1],
      [TEN_MINUTES - 1, 1],
      [1, 2],
      [TEN_MINUTES - 1, 2],
      [-TEN_MINUTES, 3],
    ] as const) {
      now += advance;
      await signIn();
      expect(fetches()).toBe(expected);
    }
  });

  it('100 first logins at one time are one fetch, and all sign in', async () => {
    const gate = new Gate();
    issuer().replySignIn();
    issuer().reply(SYSTEM_PATH, () => gate.opened.then(() => ({ body: systemOf(pairs) })));
    const client = open({ passwordEncryptType });
    const logins = Promise.all(Array.from({ length: 100 }, () => client.signIn(ALICE)));
    await until(() => fetches() === 1);
    gate.open();
    expect(new Set((await logins).map(({ kind }) => kind))).toEqual(new Set(['success']));
    expect([fetches(), signIns()]).toEqual([1, 100]);
  });

  it('100 first logins are told of one failure', async () => {
    issuer().reply(SYSTEM_PATH, { status: 500 });
    const client = open({ passwordEncryptType });
    const errors = await Promise.all(Array.from({ length: 100 }, () => catchError(client.signIn(ALICE))));
    expect(new Set(errors.map(({ code }) => code))).toEqual(new Set(['upstream_unavailable']));
    expect([fetches(), signIns()]).toEqual([1, 0]);
  });

  it('2016 after GenAuth has changed its keys: one refetch, one more sign-in, by the new key', async () => {
    const client = open({ passwordEncryptType });
    await client.signIn(ALICE);
    holdKeys(later);
    expect(await client.signIn(ALICE)).toMatchObject({ kind: 'success' });
    expect([fetches(), signIns()]).toEqual([2, 3]);
    expect(read(lastBody(), later)).toBe(PASSWORD);
    expect(await client.signIn(ALICE)).toMatchObject({ kind: 'success' });
    expect([fetches(), signIns()]).toEqual([2, 4]);
    expectNowhere(PASSWORD);
  });

  it('2016 twice: the operator must act, after exactly two sign-ins', async () => {
    issuer().reply(SIGN_IN_PATH, DECRYPTION_FAILED);
    const client = open({ passwordEncryptType });
    const failed = { name: 'ConfigurationError', code: 'password_decryption_failed', statusCode: 500 };
    expect(await catchError(client.signIn(ALICE))).toMatchObject(failed);
    expect([fetches(), signIns()]).toEqual([2, 2]);
    expectNowhere(PASSWORD);
  });

  it('2016, and then the keys cannot be had: that is the error, and no more sign-in', async () => {
    issuer().reply(SIGN_IN_PATH, () => {
      issuer().reply(SYSTEM_PATH, { status: 503 });
      return DECRYPTION_FAILED;
    });
    expect(await catchError(open({ passwordEncryptType }).signIn(ALICE))).toMatchObject({
      code: 'upstream_unavailable',
    });
    expect([fetches(), signIns()]).toEqual([2, 1]);
  });

  it('2016, and then a wrong password: the outcome counts', async () => {
    const client = open({ passwordEncryptType });
    await client.signIn(ALICE);
    issuer().reply(SYSTEM_PATH, { body: systemOf(later) });
    issuer().reply(SIGN_IN_PATH, ({ body }) =>
      read(body, later) === undefined ? DECRYPTION_FAILED : { body: { statusCode: 403, apiCode: 2333 } },
    );
    expect(await client.signIn(ALICE)).toMatchObject({ kind: 'invalid_credentials' });
    expect([fetches(), signIns()]).toEqual([2, 3]);
  });

  it('20 logins that meet 2016 at one time are one refetch, and each is sent twice', async () => {
    const client = open({ passwordEncryptType });
    await client.signIn(ALICE);
    holdKeys(later);
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => client.signIn(ALICE)));
    expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(['success']));
    expect([fetches(), signIns()]).toEqual([2, 41]);
  });

  it('warmUp fetches the keys, and so the first login need not', async () => {
    const client = open({ passwordEncryptType });
    await client.warmUp();
    expect([fetches(), issuer().count(JWKS_PATH), signIns()]).toEqual([1, 1, 0]);
    await client.signIn(ALICE);
    expect([fetches(), issuer().count(JWKS_PATH), signIns()]).toEqual([1, 1, 1]);
    issuer().reply(SYSTEM_PATH, { body: {} });
    const error = await catchError(open({ passwordEncryptType }).warmUp());
    expect(error).toMatchObject({ code: 'upstream_invalid_response' });
  });
});

describe('which encryption', () => {
  it.each<['none' | 'rsa' | 'sm2' | undefined, SignInOptions['passwordEncryptType'], string | undefined]>([
    [undefined, undefined, undefined],
    [undefined, 'rsa', 'rsa'],
    ['rsa', undefined, 'rsa'],
    ['rsa', 'sm2', 'sm2'],
    ['sm2', 'none', undefined],
    ['none', 'sm2', 'sm2'],
  ])('configured %s, with the sign-in %s: %s', async (configured, own, expected) => {
    const client = open({ passwordEncryptType: configured });
    await client.signIn(ALICE, { passwordEncryptType: own }).catch(() => {});
    expect(lastSignIn(issuer()).options['passwordEncryptType']).toBe(expected);
    expect(payloadOf(lastBody())['password'] === PASSWORD).toBe(expected === undefined);
    expect(fetches()).toBe(expected === undefined ? 0 : 1);
  });

  it('without any, 2016 is the operator’s, at once: there is no key to fetch', async () => {
    issuer().reply(SIGN_IN_PATH, DECRYPTION_FAILED);
    expect(await catchError(open().signIn(ALICE))).toMatchObject({ code: 'password_decryption_failed' });
    expect([fetches(), signIns()]).toEqual([0, 1]);
    const client = open();
    await client.warmUp();
    expect(fetches()).toBe(0);
  });

  it('RSA and SM2 are one fetch', async () => {
    const client = open({ passwordEncryptType: 'rsa' });
    await Promise.all([client.signIn(ALICE), client.signIn(ALICE, { passwordEncryptType: 'sm2' })]);
    expect([fetches(), signIns()]).toEqual([1, 2]);
  });

  it.each(['x'.repeat(118), 'ü'.repeat(59), '密'.repeat(40), 'x'.repeat(1024)])(
    'a password of too many bytes for RSA is the caller’s, before anything is sent: %j',
    async (password) => {
      const client = open({ passwordEncryptType: 'rsa' });
      expect(await catchError(client.signIn({ ...ALICE, password }))).toMatchObject({
        name: 'RequestError',
        statusCode: 400,
      });
      expect([fetches(), signIns()]).toEqual([1, 0]);
      expectNowhere(password);
    },
  );
});
