import { GenAuthEmulator } from '../../../src/emulator/index.js';
import { areActive, getRefreshable, getUserInfo, refresh, revoke, type Tokens, useEmulator } from '../support.js';

const emulator = useEmulator();

test('an access token goes alone', async () => {
  const { access_token, refresh_token } = await getRefreshable(emulator());
  const others = await getRefreshable(emulator());
  expect((await revoke(emulator(), access_token)).status).toBe(200);
  expect(await areActive(emulator(), access_token, refresh_token)).toEqual([false, true]);
  expect((await getUserInfo(emulator(), access_token)).status).toBe(401);
  expect(await areActive(emulator(), others.access_token, others.refresh_token)).toEqual([true, true]);
  expect((await refresh(emulator(), refresh_token)).status).toBe(200);
  expect(emulator().requests('revocation')).toBe(1);
});

test('a refresh token takes all access tokens of its sign-in with it, also those of earlier refreshes', async () => {
  const first = await getRefreshable(emulator());
  const second = (await refresh(emulator(), first.refresh_token)).body as unknown as Tokens;
  const others = await getRefreshable(emulator());
  await revoke(emulator(), second.refresh_token);
  const ended = [first.access_token, second.access_token, second.refresh_token];
  expect(await areActive(emulator(), ...ended)).toEqual([false, false, false]);
  for (const token of [first.access_token, second.access_token]) {
    expect((await getUserInfo(emulator(), token)).status).toBe(401);
  }
  expect((await refresh(emulator(), second.refresh_token)).status).toBe(400);
  expect(await areActive(emulator(), others.access_token, others.refresh_token)).toEqual([true, true]);
});

test('a refresh that is under way when the token is revoked brings nothing that lives', async () => {
  await using own = await new GenAuthEmulator({ rotateRefreshTokens: false }).start();
  const { refresh_token } = await getRefreshable(own);
  const [{ body }] = await Promise.all([refresh(own, refresh_token), revoke(own, refresh_token)]);
  expect(await areActive(own, body['access_token'] as string | undefined, refresh_token)).not.toContain(true);
});

test.each(['access_token', 'refresh_token', 'unknown'])('the hint %s changes nothing', async (token_type_hint) => {
  const { access_token, refresh_token } = await getRefreshable(emulator());
  await revoke(emulator(), access_token, { token_type_hint });
  expect(await areActive(emulator(), access_token, refresh_token)).toEqual([false, true]);
  await revoke(emulator(), refresh_token, { token_type_hint });
  expect(await areActive(emulator(), refresh_token)).toEqual([false]);
});

test.each<[string, (tokens: Tokens) => string]>([
  ['unknown', () => 'x'],
  ['an id_token', ({ id_token }) => id_token],
  ['tampered with', ({ access_token }) => `${access_token}x`],
])('a token that is %s is a success, and ends nothing', async (_name, choose) => {
  const tokens = await getRefreshable(emulator());
  const { status, body } = await revoke(emulator(), choose(tokens));
  expect([status, body]).toMatchObject([200, { data: { success: true } }]);
  expect(await areActive(emulator(), tokens.access_token, tokens.refresh_token)).toEqual([true, true]);
});

test('twice is a success, too; so is a refresh token that was used, whose successor stays', async () => {
  const { refresh_token } = await getRefreshable(emulator());
  const next = (await refresh(emulator(), refresh_token)).body as unknown as Tokens;
  expect((await revoke(emulator(), refresh_token)).status).toBe(200);
  expect(await areActive(emulator(), next.refresh_token, next.access_token)).toEqual([true, true]);
  for (let i = 0; i < 2; i++) expect((await revoke(emulator(), next.refresh_token)).status).toBe(200);
});

test.each([
  [
    undefined,
    /^\{"statusCode":200,"message":"","requestId":"[\da-f-]{36}","data":\{"success":true\}\}$/,
    'application/json; charset=utf-8',
  ],
  ['wrapped', /^\{"statusCode":200,/, 'application/json; charset=utf-8'],
  ['true', /^true$/, 'application/json; charset=utf-8'],
  ['empty', /^$/, undefined],
] as const)('revocationAnswer %p decides the body', async (revocationAnswer, expected, type) => {
  await using own = await new GenAuthEmulator({ revocationAnswer }).start();
  const { access_token, refresh_token } = await getRefreshable(own);
  for (const token of [access_token, refresh_token, 'unknown']) {
    const { status, text, headers } = await revoke(own, token);
    expect([status, text, headers['content-type']]).toEqual([200, expect.stringMatching(expected), type]);
    expect(headers['cache-control']).toBe('no-store');
  }
  expect(await areActive(own, access_token, refresh_token)).toEqual([false, false]);
});
