import { PATHS } from '../../../src/core/wire/facts.js';
import { asForm, asJson, getTokens, inTurn, invalidInput, send, signIn, useEmulator, verify } from '../support.js';

const emulator = useEmulator();
const ask = (path: string, body: object) => send(`${emulator().url}/emulator/v1${path}`, asJson(body));
const client = () => ({ client_id: emulator().appId, client_secret: emulator().appSecret });
const isActive = async (token = '') => {
  const { body } = await send(emulator().url + PATHS.introspection, asForm({ ...client(), token }));
  return body['active'];
};
const refresh = (token = '') => {
  const form = { ...client(), grant_type: 'refresh_token', refresh_token: token };
  return send(emulator().url + PATHS.token, asForm(form));
};
const OFFLINE = { options: { scope: 'openid offline_access' } };

it('issues tokens that verify, over HTTP and in process, with the given scopes and lifetime', async () => {
  const { status, body } = await ask('/tokens', { account: 'alice', scope: 'openid email', expiresIn: 60 });
  const { access_token, id_token, ...others } = body as Record<string, string>;
  expect([status, others]).toEqual([
    200,
    { scope: 'openid email', token_type: 'Bearer', expires_in: 60, expire_in: 60 },
  ]);
  const [access, id] = await inTurn([access_token, id_token], (token) => verify(emulator(), token ?? ''));
  expect(id?.payload).toMatchObject({ email: 'alice@example.com', sub: access?.payload.sub });
  expect(Number(access?.payload.exp) - Number(access?.payload.iat)).toBe(60);
  expect(await isActive(access_token)).toBe(true);

  const own = await emulator().issueTokens({ account: 'ZHANGSAN', scope: 'tenant_id offline_access', tenantId: 't' });
  expect(own).toMatchObject({ scope: 'tenant_id offline_access', expires_in: 1_209_600 });
  expect(own).not.toHaveProperty('id_token');
  expect((await verify(emulator(), own.access_token)).payload['tenant_id']).toBe('t');
  expect((await refresh(own.refresh_token)).status).toBe(200);
});

it.each<[string, object]>([
  ['account: expected an identifier', {}],
  ['scope: expected scopes of openid', { account: 'alice', scope: 'openid emial' }],
  ['scope: expected scopes of openid', { account: 'alice', scope: ' ' }],
  ['expiresIn: expected a whole number from 1', { account: 'alice', expiresIn: 0 }],
  ['tokens: unknown property "scopes"', { account: 'alice', scopes: 'openid' }],
])('refuses to issue tokens: %s', async (start, request) => {
  await expect(emulator().issueTokens(request as never)).rejects.toEqual(invalidInput(start));
  expect((await ask('/tokens', request)).status).toBe(400);
});

it('lists the tokens with their states and without their texts, newest first', async () => {
  const first = await getTokens(emulator(), OFFLINE);
  const { body: second } = await refresh(first.refresh_token);
  const tokens = emulator().issuedTokens.slice(0, 4);
  expect(tokens.map(({ kind, state }) => [kind, state])).toEqual([
    ['refresh_token', 'active'],
    ['access_token', 'active'],
    ['refresh_token', 'used'],
    ['access_token', 'active'],
  ]);
  expect(tokens[0]).toMatchObject({ account: 'alice', scopes: ['openid', 'offline_access'] });
  const { text } = await send(`${emulator().url}/emulator/v1/tokens`);
  expect(JSON.parse(text)).toEqual(emulator().issuedTokens);
  const texts = [first.access_token, first.refresh_token, second['access_token'], second['refresh_token']];
  expect(texts.filter((each) => text.includes(String(each)))).toEqual([]);

  const stateOfNewest = () => emulator().issuedTokens[1]?.state;
  emulator().updateUser('alice', { disabled: true });
  expect(stateOfNewest()).toBe('user_disabled');
  emulator().updateUser('alice', { disabled: false });
  emulator().setClockDrift(1_209_600);
  expect(stateOfNewest()).toBe('expired');
});

it('revokes an access token alone, and a refresh token with the tokens of its sign-in', async () => {
  const tokens = await getTokens(emulator(), OFFLINE);
  const other = await getTokens(emulator());
  const [, refreshToken, accessToken] = emulator().issuedTokens;
  expect((await ask('/tokens/revoke', { jti: accessToken?.jti })).body).toEqual({ revoked: 1 });
  expect([await isActive(tokens.access_token), await isActive(tokens.refresh_token)]).toEqual([false, true]);
  expect(emulator().issuedTokens[2]?.state).toBe('revoked');
  expect(emulator().revokeTokens({ jti: accessToken?.jti ?? '' })).toEqual({ revoked: 0 });

  const renewed = (await refresh(tokens.refresh_token)).body['access_token'];
  const [newRefreshToken] = emulator().issuedTokens;
  expect(refreshToken?.jti).not.toBe(newRefreshToken?.jti);
  expect(emulator().revokeTokens({ jti: newRefreshToken?.jti ?? '' })).toEqual({ revoked: 1 });
  expect([await isActive(String(renewed)), await isActive(other.access_token)]).toEqual([false, true]);
});

it('signs a user out everywhere and leaves the other users signed in', async () => {
  const both = await inTurn([OFFLINE, OFFLINE], (each) => getTokens(emulator(), each));
  const bob = await emulator().issueTokens({ account: 'bob' });
  expect(emulator().revokeTokens({ account: 'alice@example.com' }).revoked).toBeGreaterThanOrEqual(4);
  const texts = [...both.flatMap((each) => [each.access_token, each.refresh_token]), bob.access_token];
  expect(await inTurn(texts, isActive)).toEqual([false, false, false, false, true]);
  expect(emulator().revokeTokens({ account: 'alice' })).toEqual({ revoked: 0 });
  expect(await signIn(emulator())).toMatchObject({ code: 200 });
});

it.each<[string, object]>([
  ['revoke: expected jti or account', {}],
  ['revoke: expected jti or account', { jti: 'x', account: 'alice' }],
  ['jti: the emulator has issued no token with the ID "x". GET /emulator/v1/tokens', { jti: 'x' }],
])('refuses to revoke tokens: %s', (start, which) => {
  expect(() => emulator().revokeTokens(which as never)).toThrow(invalidInput(start));
});
