import { decodeJwt, jwtVerify } from 'jose';
import { areActive, refresh } from '../oidc/requests.js';
import { inTurn, useEmulator, verify } from '../support.js';
import { Browser, CHALLENGE, getTokensOf, type Query, redeem, VERIFIER } from './browser.js';

const emulator = useEmulator();
const basic = useEmulator({ tokenEndpointAuthMethod: 'none', idTokenSignedResponseAlg: 'HS256' });

const INVALID_GRANT = { status: 400, body: { error: 'invalid_grant', error_description: 'grant request is invalid' } };

const getCode = async (query: Query = {}) =>
  (await new Browser(emulator()).signIn('alice', query)).callback?.['code'] ?? '';

it('returns tokens that jose verifies, with the nonce and the claims of the scopes', async () => {
  const answer = await redeem(emulator(), await getCode({ tenant_id: 't-1', scope: 'openid email tenant_id' }));
  expect(answer).toMatchObject({ status: 200, headers: { 'cache-control': 'no-store' } });
  const { access_token, id_token, ...others } = answer.body as Record<string, string>;
  const lifetimes = { expires_in: 1_209_600, expire_in: 1_209_600 };
  expect(others).toEqual({ token_type: 'Bearer', scope: 'openid email tenant_id', ...lifetimes });
  const { payload } = await verify(emulator(), String(id_token));
  expect(payload).toMatchObject({ nonce: 'nonce-1', email: 'alice@example.com', tenant_id: 't-1' });
  expect((await verify(emulator(), String(access_token))).payload).not.toHaveProperty('nonce');
});

it('returns an id_token without nonce if the request has none', async () => {
  const { body } = await redeem(emulator(), await getCode({ nonce: undefined }));
  expect(decodeJwt(String(body['id_token']))).not.toHaveProperty('nonce');
});

it('reads the other spelling of the tenant', async () => {
  const { body } = await redeem(emulator(), await getCode({ tenantId: 't-2', scope: 'openid tenant_id' }));
  expect(decodeJwt(String(body['id_token']))['tenant_id']).toBe('t-2');
});

it('signs with HS256 for a client without authentication', async () => {
  const { callback } = await new Browser(basic()).signIn();
  const { body } = await redeem(basic(), callback?.['code'], { client_secret: undefined });
  const secret = Buffer.from(basic().appSecret);
  const { payload } = await jwtVerify(String(body['id_token']), secret, { algorithms: ['HS256'] });
  expect(payload['nonce']).toBe('nonce-1');
});

it.each<[string, Query, Query]>([
  ['a wrong redirect_uri', {}, { redirect_uri: 'http://localhost:3000/callback' }],
  ['a wrong verifier', {}, { code_verifier: CHALLENGE }],
  ['a verifier as its own S256 challenge', { code_challenge: VERIFIER }, {}],
  ['no verifier', {}, { code_verifier: undefined }],
  ['a verifier without a challenge', { code_challenge: undefined, code_challenge_method: undefined }, {}],
  ['an unknown code', {}, { code: 'x' }],
])('refuses %s with invalid_grant', async (_title, query, form) => {
  expect(await redeem(emulator(), await getCode(query), form)).toMatchObject(INVALID_GRANT);
});

it.each<[string, Query, Query]>([
  ['S256', {}, {}],
  ['plain', { code_challenge_method: 'plain', code_challenge: VERIFIER }, {}],
  ['the default method plain', { code_challenge_method: undefined, code_challenge: VERIFIER }, {}],
  ['no challenge', { code_challenge: undefined, code_challenge_method: undefined }, { code_verifier: undefined }],
])('accepts the code with %s, also after refused requests', async (_title, query, right) => {
  const code = await getCode(query);
  const forms = [
    { ...right, redirect_uri: 'x' },
    { code_verifier: CHALLENGE },
    { ...right, client_secret: 'x' },
    right,
  ];
  const answers = await inTurn(forms, (form) => redeem(emulator(), code, form));
  expect(answers.map(({ status }) => status)).toEqual([400, 400, 401, 200]);
});

it.each(['code', 'redirect_uri'])('refuses a request without %s', async (name) => {
  const { status, body } = await redeem(emulator(), await getCode(), { [name]: undefined });
  expect([status, body['error']]).toEqual([400, 'invalid_request']);
});

it('accepts a code once, and revokes the tokens at a second use', async () => {
  const browser = new Browser(emulator());
  await browser.signIn('alice', { prompt: 'consent' });
  const { callback } = await browser.visit(`${browser.interaction}/confirm`, {});
  const { access_token, refresh_token } = await getTokensOf(emulator(), { callback });
  expect(await areActive(emulator(), access_token, refresh_token)).toEqual([true, true]);
  expect(await redeem(emulator(), callback?.['code'])).toMatchObject(INVALID_GRANT);
  expect(await areActive(emulator(), access_token, refresh_token)).toEqual([false, false]);
});

it('returns a refresh token only for offline_access with prompt=consent, and it works', async () => {
  const scopes = ['openid offline_access', 'openid'];
  const tokens = await inTurn(scopes, async (scope) => {
    const browser = new Browser(emulator());
    await browser.signIn('alice', { scope, prompt: 'consent' });
    return getTokensOf(emulator(), await browser.visit(`${browser.interaction}/confirm`, {}));
  });
  const { body } = await redeem(emulator(), await getCode());
  expect([...tokens, body].map((each) => 'refresh_token' in each)).toEqual([true, false, false]);
  expect(body['scope']).toBe('openid profile email');
  expect((await refresh(emulator(), tokens[0]?.refresh_token)).status).toBe(200);
});

it('accepts only one of simultaneous requests', async () => {
  const code = await getCode();
  const answers = await Promise.all([1, 2, 3].map(() => redeem(emulator(), code)));
  expect(answers.map(({ status }) => status).toSorted((a, b) => a! - b!)).toEqual([200, 400, 400]);
});

it('refuses a code after 600 seconds, and a code of a disabled or removed user', async () => {
  const codes = await inTurn([1, 2], () => getCode());
  emulator().setClockDrift(595);
  expect((await redeem(emulator(), codes[0])).status).toBe(200);
  emulator().setClockDrift(600);
  expect(await redeem(emulator(), codes[1])).toMatchObject(INVALID_GRANT);
  emulator().addUser({ username: 'dave', password: 'passw0rd' });
  const [disabled, removed] = await inTurn([1, 2], () => new Browser(emulator()).signIn('dave'));
  emulator().updateUser('dave', { disabled: true });
  expect(await redeem(emulator(), disabled?.callback?.['code'])).toMatchObject(INVALID_GRANT);
  emulator().updateUser('dave', { disabled: false });
  emulator().removeUser('dave');
  expect(await redeem(emulator(), removed?.callback?.['code'])).toMatchObject(INVALID_GRANT);
});

it('applies the flaws of id_tokens, also another nonce', async () => {
  emulator().flawIdToken('nonce');
  emulator().flawIdToken('unsigned');
  const [other, unsigned] = await inTurn([1, 2], async () => (await redeem(emulator(), await getCode())).body);
  const { nonce } = decodeJwt(String(other?.['id_token']));
  expect([nonce, nonce === 'nonce-1']).toEqual([expect.stringMatching(/^[\w-]{22}$/), false]);
  expect(unsigned?.['id_token']).toMatch(/\.$/);
});
