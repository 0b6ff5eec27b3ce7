import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { GenAuthClient } from '../../src/core/client.js';
import type { GenAuthOptions } from '../../src/core/options/types.js';
import type { SignInSuccess } from '../../src/core/sign-in/outcome.js';
import { GenAuthEmulator } from '../../src/emulator/index.js';
import { CertificateAuthority } from '../support/certificate.js';
import { DISCOVERY_PATH, Issuer, JWKS_PATH, SIGN_IN_PATH, SUBJECT, useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { catchError } from '../support/promise.js';
import { hashAccessToken } from '../support/token.js';

const PASSWORD = 'canary-Passw0rd';
const ALICE = { account: 'alice', password: PASSWORD };
const NOW = 1_760_000_000_000;

const issuer = useIssuer();
const clients: { close(): void }[] = [];
let now = NOW;
beforeEach(() => {
  now = NOW;
});
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

/** A client of the issuer, by the clock of the test. */
function open(options: Partial<GenAuthOptions> = {}): GenAuthClient {
  const client = new GenAuthClient<string>({ ...issuer().clientOptions, ...options }, { now: () => now });
  clients.push(client);
  return client as GenAuthClient;
}

async function signIn(client: GenAuthClient = open()): Promise<SignInSuccess> {
  const outcome = await client.signIn(ALICE);
  if (outcome.kind !== 'success') throw new Error(inspect(outcome));
  return outcome;
}

const idToken = (changes?: Record<string, unknown>): string => issuer().sign(issuer().idTokenClaims(changes, now));
const accessToken = (changes?: Record<string, unknown>): string =>
  issuer().sign(issuer().accessTokenClaims(changes, now));

/** Answers sign-ins with right tokens by the clock of the test, and what else is told. */
const answer = (data: Record<string, unknown> = {}): void =>
  issuer().replySignIn({ id_token: idToken(), access_token: accessToken(), ...data });

describe('expiresAt', () => {
  const OPAQUE = 'an-access-token-that-is-no-jwt';
  /** In seconds from now. The id_token ends after 3,600 s. */
  it.each<[string, () => Record<string, unknown>, number]>([
    ['the access token’s exp', () => ({ access_token: accessToken({ exp: NOW / 1000 + 100 }) }), 100],
    ['exp before expires_in', () => ({ access_token: accessToken({ exp: NOW / 1000 + 100 }), expires_in: 7 }), 100],
    ['expires_in, where the token does not tell', () => ({ access_token: OPAQUE, expires_in: 7 }), 7],
    ['expire_in, where that is its name', () => ({ access_token: OPAQUE, expire_in: 8 }), 8],
    ['expires_in before expire_in', () => ({ access_token: OPAQUE, expires_in: 7, expire_in: 8 }), 7],
    ['expire_in beside an expires_in of null', () => ({ access_token: OPAQUE, expires_in: null, expire_in: 8 }), 8],
    ['a JWT without exp: expires_in', () => ({ access_token: accessToken({ exp: undefined }), expires_in: 9 }), 9],
    ['an exp that is a text: expires_in', () => ({ access_token: accessToken({ exp: '1' }), expires_in: 9 }), 9],
    ['nothing tells: the id_token’s exp', () => ({ access_token: OPAQUE }), 3600],
    ['expires_in as a text: the id_token’s exp', () => ({ access_token: OPAQUE, expires_in: '7' }), 3600],
    ['expires_in 0: now', () => ({ access_token: OPAQUE, expires_in: 0 }), 0],
    ['half a second: rounded down', () => ({ access_token: OPAQUE, expires_in: 7.5 }), 7],
    [
      'an exp that no Date can hold: its last moment',
      () => ({ access_token: accessToken({ exp: 1e300 }) }),
      8.64e12 - NOW / 1000,
    ],
    [
      'a lifetime that no Date can hold: its last moment',
      () => ({ access_token: OPAQUE, expires_in: 1e300 }),
      8.64e12 - NOW / 1000,
    ],
  ])('%s', async (_, data, seconds) => {
    answer(data());
    const { tokens } = await signIn();
    expect(tokens.expiresAt).toEqual(new Date(NOW + seconds * 1000));
  });
});

describe('the tokens of one sign-in belong together', () => {
  it.each<[string, () => Record<string, unknown>, string]>([
    [
      'an access token of another person',
      () => ({ access_token: accessToken({ sub: 'another' }) }),
      'token_subject_mismatch',
    ],
    ['an id_token of another person', () => ({ id_token: idToken({ sub: 'another' }) }), 'token_subject_mismatch'],
    [
      'an access token whose sub is no text',
      () => ({ access_token: accessToken({ sub: 7 }) }),
      'token_subject_mismatch',
    ],
    [
      'an access token whose sub is null',
      () => ({ access_token: accessToken({ sub: null }) }),
      'token_subject_mismatch',
    ],
    [
      'an at_hash of another access token',
      () => ({ id_token: idToken({ at_hash: hashAccessToken('a') }) }),
      'token_hash_mismatch',
    ],
    ['the access token in place of the id_token', () => ({ id_token: accessToken() }), 'token_type_mismatch'],
  ])('%s: refused', async (_, data, code) => {
    answer(data());
    const error = await catchError(open().signIn(ALICE));
    expect(error).toMatchObject({ code: 'upstream_token_invalid', cause: { name: 'TokenVerificationError', code } });
    expect(issuer().count(SIGN_IN_PATH)).toBe(1);
  });

  it('a right at_hash, and an access token without sub: passes', async () => {
    const access = accessToken({ sub: undefined });
    answer({ access_token: access, id_token: idToken({ at_hash: hashAccessToken(access) }) });
    expect(await signIn()).toMatchObject({ user: { sub: SUBJECT }, tokens: { accessToken: access } });
  });

  it('scope: what was granted, else what was asked for', async () => {
    answer({ scope: 'openid  email openid' });
    expect((await signIn()).tokens.scope).toEqual(['openid', 'email']);
    answer();
    expect((await signIn(open({ scope: 'openid phone' }))).tokens.scope).toEqual(['openid', 'phone']);
  });
});

describe('key rotation', () => {
  const useEmulator = async (
    run: (emulator: GenAuthEmulator, client: GenAuthClient) => Promise<void>,
  ): Promise<void> => {
    const emulator = await new GenAuthEmulator().start();
    now = Date.now();
    const client = open(emulator.clientOptions);
    try {
      await run(emulator, client);
    } finally {
      await emulator.stop();
    }
  };
  const PERSON = { account: 'alice', password: 'passw0rd' };

  it('a sign-in just after it does not wait for the cool-down; old tokens stay until the key is withdrawn', () =>
    useEmulator(async (emulator, client) => {
      const old = await client.signIn(PERSON);
      await emulator.rotateKeys();
      const fresh = await client.signIn(PERSON);
      if (old.kind !== 'success' || fresh.kind !== 'success') throw new Error('no sign-in');
      expect(emulator.requests('jwks')).toBe(2);
      for (const { tokens } of [old, fresh]) await client.verifyAccessToken(tokens.accessToken);
      await emulator.rotateKeys({ withdraw: true });
      now += 600_000;
      const error = await catchError(client.verifyAccessToken(old.tokens.accessToken));
      expect(error).toMatchObject({ code: 'token_key_unknown' });
      expect(emulator.requests('jwks')).toBe(3);
    }));

  it('a guarded route takes the new key once the cool-down is over, whatever flood came before', () =>
    useEmulator(async (emulator, client) => {
      await client.warmUp();
      await emulator.rotateKeys();
      const other = open(emulator.clientOptions);
      const signedIn = await other.signIn(PERSON);
      if (signedIn.kind !== 'success') throw new Error('no sign-in');
      const { accessToken: token } = signedIn.tokens;
      const [, payload, signature] = token.split('.');
      const before = emulator.requests('jwks');
      for (let i = 0; i < 1000; i++) {
        const header = { alg: 'RS256', kid: randomBytes(16).toString('hex') };
        const bad = `${Buffer.from(JSON.stringify(header)).toString('base64url')}.${payload}.${signature}`;
        expect(await catchError(client.verifyAccessToken(bad))).toMatchObject({ code: 'token_key_unknown' });
      }
      expect(await catchError(client.verifyAccessToken(token))).toMatchObject({ code: 'token_key_unknown' });
      expect(emulator.requests('jwks') - before).toBe(0);
      now += 30_000;
      expect(await client.verifyAccessToken(token)).toMatchObject({ scope: 'openid profile' });
      expect(emulator.requests('jwks') - before).toBe(1);
    }));
});

describe('one client', () => {
  it('fetches discovery and keys once, for 50 sign-ins and 50 guarded requests at one time', async () => {
    answer();
    const client = open();
    const work = Array.from({ length: 50 }, () => [signIn(client), client.verifyAccessToken(accessToken())]);
    await Promise.all(work.flat());
    expect([SIGN_IN_PATH, DISCOVERY_PATH, JWKS_PATH].map((path) => issuer().count(path))).toEqual([50, 1, 1]);
  });

  it('shares nothing with another: two tenants in turn, and a token of one is never one of the other', async () => {
    const other = await Issuer.start();
    const here = open();
    const there = open(other.clientOptions);
    for (let i = 0; i < 20; i++) {
      const foreign = other.sign(other.accessTokenClaims({}, now));
      expect(await here.verifyAccessToken(accessToken())).toMatchObject({ iss: issuer().issuer });
      expect(await there.verifyAccessToken(foreign)).toMatchObject({ iss: other.issuer });
      expect(await catchError(here.verifyAccessToken(foreign))).toMatchObject({ code: 'token_key_unknown' });
      expect(await catchError(there.verifyAccessToken(accessToken()))).toMatchObject({ code: 'token_key_unknown' });
    }
    expect([issuer().count(JWKS_PATH), other.count(JWKS_PATH)]).toEqual([1, 1]);
    await other.close();
  });

  it('warmUp fetches the keys, so that the first request need not', async () => {
    const client = open();
    await client.warmUp();
    const fetched = issuer().count();
    await client.verifyAccessToken(accessToken());
    expect([fetched, issuer().count()]).toEqual([2, 2]);
  });

  it('takes its times from the options: maxAge, cooldown, staleIfError, clockTolerance', async () => {
    const client = open({ jwks: { maxAge: 2000, cooldown: 100, staleIfError: 0 }, clockTolerance: 60 });
    await client.warmUp();
    const token = accessToken({ exp: NOW / 1000 + 10, iat: NOW / 1000 });
    now += 1999;
    await client.verifyAccessToken(token);
    expect(issuer().count(JWKS_PATH)).toBe(1);
    now += 67_001;
    await client.verifyAccessToken(token);
    expect(issuer().count(JWKS_PATH)).toBe(2);
    now += 1000;
    expect(await catchError(client.verifyAccessToken(token))).toMatchObject({ code: 'token_expired' });
    issuer().reply(JWKS_PATH, { status: 500 });
    now += 2000;
    expect(await catchError(client.verifyAccessToken(token))).toMatchObject({ code: 'upstream_unavailable' });
  });
});

describe('answers at the edge', () => {
  it('a lifetime of minus infinity is still a date', async () => {
    answer({ access_token: 'opaque', expires_in: -1e300 });
    expect((await signIn()).tokens.expiresAt.toISOString()).toBe('1970-01-01T00:00:00.000Z');
  });

  it('an access token that is too long for our own guard is compared all the same', async () => {
    answer({ access_token: accessToken({ sub: 'another', filler: 'x'.repeat(8000) }) });
    expect(await catchError(open().signIn(ALICE))).toMatchObject({ cause: { code: 'token_subject_mismatch' } });
  });

  it.each([undefined, null, 'text', 5])('signIn(%j) is a RequestError, and nothing is sent', async (credentials) => {
    const error = await catchError(open().signIn(credentials as never));
    expect(error).toMatchObject({ name: 'RequestError', statusCode: 400 });
    expect(issuer().count(SIGN_IN_PATH)).toBe(0);
  });

  it('1,000 id_tokens of strangers with unknown keys are one fetch', async () => {
    const client = open();
    for (let i = 0; i < 1000; i += 1) {
      await catchError(client.verifyIdToken(issuer().sign(issuer().idTokenClaims({}, now), { kid: `kid-${i}` })));
    }
    expect(issuer().count(JWKS_PATH)).toBe(1);
  });

  it('what the caller changes later changes nothing here', () => {
    const context = { source: 'utm' };
    const client = open({ signInOptions: { context }, jwksUri: `${issuer().url}/keys` });
    context.source = 'changed';
    expect(client.options.signInOptions).toEqual({ context: { source: 'utm' } });
    expect(Object.isFrozen((client.options.signInOptions as { context: object }).context)).toBe(true);
    expect(client.options.jwksUri).toBe(`${issuer().url}/keys`);
  });
});

describe('secrets', () => {
  const SECRET = 'canary-app-secret-0123456789';
  const PROXY = 'http://canary-proxy-user:canary-proxy-password@127.0.0.1:9';
  const SECRETS = [SECRET, 'canary-proxy-user', 'canary-proxy-password', PASSWORD];

  it('are in nothing that a client shows of itself, before and after it was used', async () => {
    const client = open({
      appSecret: SECRET,
      proxy: PROXY,
      ca: new CertificateAuthority().cert,
      appHost: 'https://localhost:9',
    });
    expect(findLeaks(client, SECRETS)).toEqual([]);
    const error = await catchError(client.signIn(ALICE));
    expect(error).toMatchObject({ code: 'upstream_unreachable' });
    expect(findLeaks([client, client.options, error], SECRETS)).toEqual([]);
    expect(Object.keys(client.options)).not.toEqual(
      expect.arrayContaining([expect.stringMatching(/^(appSecret|proxy)$/)]),
    );
  });

  it('the search would have found them in the options', () => {
    const options = { ...issuer().clientOptions, appSecret: SECRET, proxy: PROXY };
    expect(findLeaks({ deep: [new Map([['options', options]])] }, SECRETS.slice(0, 3))).toEqual(SECRETS.slice(0, 3));
  });

  it('tokens are in no error about them', async () => {
    const bad = idToken({ aud: 'another' });
    answer({ id_token: bad, refresh_token: 'canary-refresh-token' });
    const error = await catchError(open().signIn(ALICE));
    expect(error).toMatchObject({ code: 'upstream_token_invalid', cause: { code: 'token_audience_mismatch' } });
    expect(findLeaks(error, [...bad.split('.'), PASSWORD, 'canary-refresh-token'])).toEqual([]);
  });

  it('the options are frozen', () => {
    const { options } = open({ signInOptions: { tenantId: 'a' }, audience: ['a'], scope: ['openid'], jwks: {} });
    const parts = [options, options.scope, options.audience, options.jwks, options.signInOptions];
    expect(parts.map((part) => Object.isFrozen(part))).toEqual(parts.map(() => true));
  });
});
