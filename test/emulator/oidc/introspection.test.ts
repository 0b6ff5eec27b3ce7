import { decodeJwt } from 'jose';
import { GenAuthEmulator } from '../../../src/emulator/index.js';
import { EmulatorClock } from '../../../src/emulator/state/clock.js';
import { IssuedTokens } from '../../../src/emulator/tokens/issued-tokens.js';
import { areActive, getRefreshable, getTokens, introspect, later, type Tokens, useEmulator } from '../support.js';

const emulator = useEmulator();

describe('an active token', () => {
  test('that is an access token is told as its own claims tell it', async () => {
    const { access_token } = await getRefreshable(emulator());
    const { status, body, headers } = await introspect(emulator(), access_token);
    const { sub, aud, exp, iat, iss, jti, scope } = decodeJwt(access_token);
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([
      200,
      'application/json; charset=utf-8',
      'no-store',
    ]);
    expect(body).toEqual({ active: true, sub, client_id: aud, exp, iat, iss, jti, scope, token_type: 'Bearer' });
    expect(emulator().requests('introspection')).toBe(1);
  });

  test('that is a refresh token has its own end, and a jti that is not the token', async () => {
    const { access_token, refresh_token = '' } = await getRefreshable(emulator());
    const { body, text } = await introspect(emulator(), refresh_token);
    const { sub, iat, iss, scope } = decodeJwt(access_token);
    expect(body).toEqual({
      active: true,
      sub,
      client_id: emulator().appId,
      exp: Number(iat) + 2_592_000,
      iat,
      iss,
      jti: expect.stringMatching(/^[\w-]{43}$/),
      scope,
      token_type: 'Bearer',
    });
    expect(text).not.toContain(refresh_token);
  });

  test.each(['access_token', 'refresh_token', 'unknown'])('is found whatever the hint: %s', async (hint) => {
    const { access_token, refresh_token } = await getRefreshable(emulator());
    for (const token of [access_token, refresh_token]) {
      expect((await introspect(emulator(), token, { token_type_hint: hint })).body['active']).toBe(true);
    }
  });

  test('can have commas between its scopes', async () => {
    await using own = await new GenAuthEmulator({ introspectionScopeSeparator: ',' }).start();
    const { access_token, refresh_token } = await getRefreshable(own, 'openid email offline_access');
    for (const token of [access_token, refresh_token]) {
      expect((await introspect(own, token)).body['scope']).toBe('openid,email,offline_access');
    }
    expect(decodeJwt(access_token)['scope']).toBe('openid email offline_access');
  });
});

/** A token → one that is another. */
const CHANGES: [string, (tokens: Tokens) => string][] = [
  ['an id_token', ({ id_token }) => id_token],
  ['unknown', () => 'x'],
  ['without its signature', ({ access_token }) => access_token.replace(/[^.]+$/, '')],
  ['with a changed claim', ({ access_token }) => access_token.replace(/\.[^.]+/, (part) => `${part.slice(0, -4)}AAAA`)],
  // Bits that decoding leaves out: a verifier by signature alone would take it.
  ['with other bits at its end', ({ access_token }) => `${access_token.slice(0, -1)}${flip(access_token.slice(-1))}`],
  ['with a space', ({ access_token }) => `${access_token} `],
  ['in another case', ({ refresh_token = '' }) => refresh_token.toUpperCase()],
];

/** The last of 342 base64url characters holds two bits of a signature and four that count for nothing. */
function flip(character: string): string {
  const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return ALPHABET.charAt(ALPHABET.indexOf(character) ^ 1);
}

test.each(CHANGES)('a token that is %s is inactive, and nothing more is told', async (_name, change) => {
  const { status, text } = await introspect(emulator(), change(await getRefreshable(emulator())));
  expect([status, text]).toEqual([200, '{"active":false}']);
});

test('another app’s tokens are inactive', async () => {
  await using other = await new GenAuthEmulator({ appId: 'other' }).start();
  const { access_token, refresh_token } = await getRefreshable(other);
  expect(await areActive(other, access_token, refresh_token)).toEqual([true, true]);
  expect(await areActive(emulator(), access_token, refresh_token)).toEqual([false, false]);
});

test('each token is active until its own end', async () => {
  await using own = await new GenAuthEmulator({ tokenLifetime: 100, refreshTokenLifetime: 200 }).start();
  const { access_token, refresh_token } = await getRefreshable(own);
  const active = () => areActive(own, access_token, refresh_token);
  expect(await later(90, active)).toEqual([true, true]);
  expect(await later(100, active)).toEqual([false, true]);
  expect(await later(200, active)).toEqual([false, false]);
});

test('a removed user’s tokens are inactive, also if another takes the name', async () => {
  emulator().addUser({ username: 'temp', password: 'p' });
  const { access_token, refresh_token } = await getTokens(emulator(), {
    passwordPayload: { account: 'temp', password: 'p' },
    options: { scope: 'openid offline_access' },
  });
  emulator().removeUser('temp');
  expect(await areActive(emulator(), access_token, refresh_token)).toEqual([false, false]);
  emulator().addUser({ username: 'temp', password: 'p' });
  expect(await areActive(emulator(), access_token, refresh_token)).toEqual([false, false]);
});

test('so many tokens are remembered, and the oldest forgotten first', () => {
  const tokens = new IssuedTokens(new EmulatorClock(0), 3);
  const account = {
    sub: 's',
    claims: {},
    password: { salt: Buffer.of(), key: Buffer.of() },
    removed: false,
    states: {},
  };
  const grant = { account, scopes: [], tenantId: '', revoked: false };
  for (const text of ['a', 'b', 'c', 'd']) {
    tokens.add(text, { kind: 'access_token', grant, scopes: [], iat: 0, exp: Infinity, jti: text });
  }
  expect(['a', 'b', 'c', 'd'].map((text) => tokens.find(text)?.jti)).toEqual([undefined, 'b', 'c', 'd']);
});
