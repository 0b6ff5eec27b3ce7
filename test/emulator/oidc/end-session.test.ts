import { SignJWT } from 'jose';
import type { IdTokenFlaw } from '../../../src/emulator/index.js';
import { areActive, askOAuth, getRefreshable, getTokens, useEmulator } from '../support.js';

const HOME = 'https://app.example/home';
const QUERY = 'https://app.example/bye?a=1&b=%2F';
const NATIVE = 'com.example.app://bye';
const SECRET = 'a-secret-of-the-app-that-is-long';

const emulator = useEmulator({ postLogoutRedirectUris: [HOME, QUERY, NATIVE] });
const hs256 = useEmulator({ idTokenSignedResponseAlg: 'HS256', appSecret: SECRET });

const end = (query: Record<string, string>, own = emulator()) =>
  askOAuth(own, `/session/end?${new URLSearchParams(query).toString()}`);
const getHint = async (own = emulator()) => (await getTokens(own)).id_token;
const REFUSED = { status: 400, body: { error: 'invalid_request' } };
/** The answer to a logout with this hint and a registered address. */
const endWith = (id_token_hint: string, own = emulator()) =>
  end({ id_token_hint, post_logout_redirect_uri: HOME }, own);

it.each([
  [HOME, {}, HOME],
  [HOME, { state: 'st/ä &#' }, `${HOME}?state=st%2F%C3%A4%20%26%23`],
  [HOME, { state: '' }, HOME],
  [QUERY, { state: 'x' }, `${QUERY}&state=x`],
  [NATIVE, { state: 'x' }, `${NATIVE}?state=x`],
  [HOME, { state: '\r\nset-cookie: a=b' }, `${HOME}?state=%0D%0Aset-cookie%3A%20a%3Db`],
])('redirects to %s with %j', async (uri, state, location) => {
  const answer = await end({ id_token_hint: await getHint(), post_logout_redirect_uri: uri, ...state });
  expect(answer).toMatchObject({ status: 302, headers: { location, 'cache-control': 'no-store' }, text: '' });
});

it.each(['', '?state=<script>'])('shows a page without a redirect: %s', async (query) => {
  const { status, headers, text } = await askOAuth(emulator(), `/session/end${query}`);
  expect([status, headers['content-type'], headers['location']]).toEqual([200, 'text/html; charset=utf-8', undefined]);
  expect(text).toMatch(/^<!doctype html>.*You are signed out\.(?!.*script)/);
});

it('keeps the tokens valid', async () => {
  const { id_token, access_token, refresh_token } = await getRefreshable(emulator());
  expect((await endWith(id_token)).status).toBe(302);
  expect(await areActive(emulator(), access_token, refresh_token)).toEqual([true, true]);
});

it.each([
  `${HOME}/`,
  `${HOME}?`,
  `${HOME}#x`,
  'https://APP.example/home',
  'http://app.example/home',
  'https://app.example.evil.example/home',
  '//app.example/home',
  'javascript:alert(1)',
])('refuses the address %s, which is not registered', async (post_logout_redirect_uri) => {
  expect(await end({ id_token_hint: await getHint(), post_logout_redirect_uri })).toMatchObject(REFUSED);
});

it('refuses every address by default', async () => {
  expect(await endWith(await getHint(hs256()), hs256())).toMatchObject(REFUSED);
});

it('refuses an address without a hint, and an address that is sent twice', async () => {
  expect(await end({ post_logout_redirect_uri: HOME })).toMatchObject(REFUSED);
  const uri = `post_logout_redirect_uri=${encodeURIComponent(HOME)}`;
  expect(await askOAuth(emulator(), `/session/end?id_token_hint=${await getHint()}&${uri}&${uri}`)).toMatchObject(
    REFUSED,
  );
});

it.each<[number, IdTokenFlaw[]]>([
  [302, ['expired', 'not_yet_valid', 'no_kid', 'other_subject', 'bad_at_hash', 'missing_sub']],
  [400, ['wrong_audience', 'wrong_issuer', 'unsigned', 'hs256_public_key', 'unknown_kid', 'foreign_key', 'tampered']],
])('answers with %i hints with the flaws %j', async (status, flaws) => {
  flaws.forEach((flaw) => emulator().flawIdToken(flaw));
  const answers = await Promise.all(flaws.map(async () => (await endWith(await getHint())).status));
  expect(answers).toEqual(flaws.map(() => status));
});

it.each(['x', 'a.b.c', '..'])('refuses the hint %j, also without an address', async (id_token_hint) => {
  expect(await end({ id_token_hint })).toMatchObject(REFUSED);
});

it('refuses an access token, a refresh token, and an id_token of another emulator', async () => {
  const { access_token, refresh_token = '' } = await getRefreshable(emulator());
  const hints = [access_token, refresh_token, await getHint(hs256())];
  const answers = await Promise.all(hints.map((id_token_hint) => end({ id_token_hint })));
  expect(answers.map(({ status }) => status)).toEqual([400, 400, 400]);
});

it('accepts a hint of a replaced key until the key is withdrawn', async () => {
  const hint = await getHint();
  await emulator().rotateKeys();
  expect((await endWith(hint)).status).toBe(302);
  await emulator().rotateKeys({ withdraw: true });
  expect(await endWith(hint)).toMatchObject(REFUSED);
});

it('with HS256 accepts only hints that are signed with the app secret', async () => {
  const sign = (key: string, { appId, url } = hs256()) =>
    new SignJWT({ sub: 'x', aud: appId, iss: `${url}/oidc` })
      .setProtectedHeader({ alg: 'HS256' })
      .sign(Buffer.from(key));
  const { id_token, access_token } = await getTokens(hs256());
  const hints = [id_token, await sign(SECRET), access_token, await sign(`${SECRET}x`)];
  const answers = await Promise.all(hints.map((id_token_hint) => end({ id_token_hint }, hs256())));
  expect(answers.map(({ status }) => status)).toEqual([200, 200, 400, 400]);
  const { appSecret } = emulator();
  expect(await end({ id_token_hint: await sign(appSecret, emulator()) })).toMatchObject(REFUSED);
});
