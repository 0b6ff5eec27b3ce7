import { SignJWT } from 'jose';
import { GenAuthEmulator, ID_TOKEN_FLAWS, type IdTokenFlaw } from '../../../src/emulator/index.js';
import { areActive, askOAuth, getRefreshable, getTokens, later, refresh, useEmulator } from '../support.js';

const HOME = 'https://app.example/home';
const QUERY = 'https://app.example/bye?a=1&b=%2F';
const NATIVE = 'com.example.app://bye';

const emulator = useEmulator({ postLogoutRedirectUris: [HOME, QUERY, NATIVE] });

function end(own: GenAuthEmulator, query: Record<string, string | undefined> | string) {
  const given = typeof query === 'string' ? query : Object.entries(query).filter((entry) => entry[1] !== undefined);
  const text = new URLSearchParams(given as string | [string, string][]).toString();
  return askOAuth(own, `/session/end?${text}`, { method: 'GET' });
}

const isRefused = async (query: Record<string, string>, own = emulator()) => {
  const { status, headers, body } = await end(own, query);
  return status === 400 && body['error'] === 'invalid_request' && headers['location'] === undefined;
};

describe('with a registered address and a hint', () => {
  test.each([
    [HOME, undefined, HOME],
    [HOME, 'st/ä &#', `${HOME}?state=st%2F%C3%A4%20%26%23`],
    [HOME, '', HOME],
    [QUERY, undefined, QUERY],
    [QUERY, 'x', `${QUERY}&state=x`],
    [NATIVE, 'x', `${NATIVE}?state=x`],
    [HOME, '\r\nset-cookie: a=b', `${HOME}?state=%0D%0Aset-cookie%3A%20a%3Db`],
  ])('%s with state %p leads to %s', async (target, state, location) => {
    const { id_token } = await getTokens(emulator());
    const query = { id_token_hint: id_token, post_logout_redirect_uri: target, state };
    const { status, headers, text } = await end(emulator(), query);
    expect([status, headers['location'], headers['cache-control'], text]).toEqual([302, location, 'no-store', '']);
    expect(emulator().requests('endsession')).toBe(1);
  });

  test('an id_token that has expired is good enough', async () => {
    const { id_token } = await getTokens(emulator());
    const query = { id_token_hint: id_token, post_logout_redirect_uri: HOME };
    expect((await later(10_000_000, () => end(emulator(), query))).status).toBe(302);
  });

  test('one that a replaced key signed is too, as long as that key is published', async () => {
    await using own = await new GenAuthEmulator({ postLogoutRedirectUris: [HOME] }).start();
    const { id_token } = await getTokens(own);
    const query = { id_token_hint: id_token, post_logout_redirect_uri: HOME };
    await own.rotateKeys();
    expect((await end(own, query)).status).toBe(302);
    await own.rotateKeys({ withdraw: true });
    expect(await isRefused(query, own)).toBe(true);
  });
});

test('without an address there is a page, with a hint or without, and state alone leads nowhere', async () => {
  const { id_token } = await getTokens(emulator());
  for (const query of [{}, { id_token_hint: id_token }, { state: '<script>' }]) {
    const { status, headers, text } = await end(emulator(), query);
    expect([status, headers['content-type'], headers['location']]).toEqual([
      200,
      'text/html; charset=utf-8',
      undefined,
    ]);
    expect(text).toContain('You are signed out.');
    expect(text).not.toContain('script');
  }
});

describe('an address', () => {
  test('needs a hint', async () => {
    expect(await isRefused({ post_logout_redirect_uri: HOME })).toBe(true);
    expect(await isRefused({ post_logout_redirect_uri: HOME, id_token_hint: '' })).toBe(true);
  });

  test.each([
    `${HOME}/`,
    `${HOME}?`,
    `${HOME}?x=1`,
    `${HOME}#x`,
    'https://app.example',
    'https://APP.example/home',
    'https://app.example:443/home',
    'http://app.example/home',
    'https://app.example.evil.example/home',
    'https://evil.example',
    '//app.example/home',
    'javascript:alert(1)',
    '__proto__',
  ])('%s is not registered', async (post_logout_redirect_uri) => {
    const { id_token } = await getTokens(emulator());
    expect(await isRefused({ id_token_hint: id_token, post_logout_redirect_uri })).toBe(true);
  });

  test('is registered nowhere by default', async () => {
    await using own = await new GenAuthEmulator().start();
    const { id_token } = await getTokens(own);
    expect(await isRefused({ id_token_hint: id_token, post_logout_redirect_uri: HOME }, own)).toBe(true);
  });

  test('that is there twice is refused', async () => {
    const { id_token } = await getTokens(emulator());
    const uri = `post_logout_redirect_uri=${encodeURIComponent(HOME)}`;
    expect((await end(emulator(), `id_token_hint=${id_token}&${uri}&${uri}`)).status).toBe(400);
  });
});

describe('a hint', () => {
  /** Whether each id_token, right but for its flaw, would do. */
  const GOOD: readonly IdTokenFlaw[] = [
    // Its times do not count, nor what is right beside the access token alone.
    'expired',
    'not_yet_valid',
    'no_kid',
    'other_subject',
    'bad_at_hash',
    'missing_sub',
  ];

  test.each(ID_TOKEN_FLAWS)('with the flaw %s', async (flaw) => {
    emulator().flawIdToken(flaw);
    const { id_token } = await getTokens(emulator());
    const query = { id_token_hint: id_token, post_logout_redirect_uri: HOME };
    if (GOOD.includes(flaw)) expect((await end(emulator(), query)).status).toBe(302);
    else expect(await isRefused(query)).toBe(true);
  });

  test.each(['x', 'a.b.c', '..', '{}'])('that is %p is refused, with an address and without', async (id_token_hint) => {
    expect(await isRefused({ id_token_hint })).toBe(true);
    expect(await isRefused({ id_token_hint, post_logout_redirect_uri: HOME })).toBe(true);
  });

  test('that is another kind of token is refused', async () => {
    const { access_token, refresh_token = '' } = await getRefreshable(emulator());
    for (const id_token_hint of [access_token, refresh_token]) expect(await isRefused({ id_token_hint })).toBe(true);
  });

  test('of another emulator is refused', async () => {
    await using other = await new GenAuthEmulator().start();
    expect(await isRefused({ id_token_hint: (await getTokens(other)).id_token })).toBe(true);
  });

  test('under HS256 is signed by the app secret, and by nothing else', async () => {
    const appSecret = 'a-secret-of-the-app-that-is-long';
    await using own = await new GenAuthEmulator({ idTokenSignedResponseAlg: 'HS256', appSecret }).start();
    const { id_token, access_token } = await getTokens(own);
    expect((await end(own, { id_token_hint: id_token })).status).toBe(200);
    expect(await isRefused({ id_token_hint: access_token }, own)).toBe(true);
    const sign = (key: string) =>
      new SignJWT({ sub: 'x', aud: own.appId, iss: `${own.url}/oidc` })
        .setProtectedHeader({ alg: 'HS256' })
        .sign(Buffer.from(key));
    expect((await end(own, { id_token_hint: await sign(appSecret) })).status).toBe(200);
    expect(await isRefused({ id_token_hint: await sign('another-secret-that-is-long-too') }, own)).toBe(true);
    // Under RS256 the secret signs nothing.
    expect(await isRefused({ id_token_hint: await sign(emulator().appSecret) })).toBe(true);
  });
});

test('tokens are left alone', async () => {
  const { id_token, access_token, refresh_token } = await getRefreshable(emulator());
  expect((await end(emulator(), { id_token_hint: id_token, post_logout_redirect_uri: HOME })).status).toBe(302);
  expect(await areActive(emulator(), access_token, refresh_token)).toEqual([true, true]);
  expect((await refresh(emulator(), refresh_token)).status).toBe(200);
});
