import { decodeJwt } from 'jose';
import { GenAuthEmulator } from '../../../src/emulator/index.js';
import {
  areActive,
  control,
  getRefreshable,
  getTokens,
  getUserInfo,
  later,
  rawRequest,
  refresh,
  useEmulator,
} from '../support.js';

const emulator = useEmulator({ tokenLifetime: 100, refreshTokenLifetime: 200 });

/** Seconds between this machine’s clock and a time; requests take less than a few. The last 0 is for -0. */
const ahead = (seconds: unknown) => Math.round((Number(seconds) - Date.now() / 1000) / 10) * 10 + 0;
const dateOf = async () => {
  const { headers } = await rawRequest(`${emulator().url}/oidc/.well-known/jwks.json`);
  return ahead(Date.parse(String(headers['date'])) / 1000);
};

test.each([0, 3600, -3600, 315_360_000])('of %d seconds shows in tokens, introspections and Date', async (drift) => {
  emulator().setClockDrift(drift);
  const { access_token, id_token } = await getRefreshable(emulator());
  for (const token of [access_token, id_token]) {
    const { iat, exp } = decodeJwt(token);
    expect([ahead(iat), Number(exp) - Number(iat)]).toEqual([drift, 100]);
  }
  expect(await dateOf()).toBe(drift);
  expect(await areActive(emulator(), access_token)).toEqual([true]);
});

test('is the clock by which tokens end: at user info, introspection and refresh', async () => {
  const { access_token, refresh_token } = await getRefreshable(emulator());
  // A margin of seconds, as the time goes on.
  const states = [];
  for (const drift of [90, 110, 190, 210, -10_000]) {
    emulator().setClockDrift(drift);
    const { status } = await getUserInfo(emulator(), access_token);
    states.push([...(await areActive(emulator(), access_token, refresh_token)), status]);
  }
  expect(states).toEqual([
    [true, true, 200],
    [false, true, 401],
    [false, true, 401],
    [false, false, 401],
    [true, true, 200],
  ]);
  emulator().setClockDrift(210);
  expect((await refresh(emulator(), refresh_token)).status).toBe(400);
});

test('adds to whatever this machine’s clock says', async () => {
  emulator().setClockDrift(1000);
  const { id_token } = await later(500, () => getTokens(emulator()));
  expect(ahead(decodeJwt(id_token).iat)).toBe(1500);
});

test('reset puts the option’s back', async () => {
  await using own = await new GenAuthEmulator({ clockDrift: -600 }).start();
  expect(ahead(decodeJwt((await getTokens(own)).id_token).iat)).toBe(-600);
  own.setClockDrift(0);
  expect(ahead(decodeJwt((await getTokens(own)).id_token).iat)).toBe(0);
  own.reset();
  expect(ahead(decodeJwt((await getTokens(own)).id_token).iat)).toBe(-600);
});

test('POST /clock-drift', async () => {
  expect(await control(emulator(), 'POST', '/clock-drift', { seconds: 3600 })).toEqual({ status: 200, answer: {} });
  expect(await dateOf()).toBe(3600);
});

const RANGE = 'expected a whole number from -315360000 to 315360000';

test.each<[unknown, string]>([
  [undefined, 'clock-drift: expected an object, got undefined.'],
  [{}, `seconds: ${RANGE}, got undefined.`],
  [{ seconds: '60' }, `seconds: ${RANGE}, got "60".`],
  [{ seconds: 0.5 }, `seconds: ${RANGE}, got 0.5.`],
  [{ seconds: 315_360_001 }, `seconds: ${RANGE}, got 315360001.`],
  [{ drift: 1 }, 'clock-drift: unknown property "drift". Use one of: seconds.'],
])('POST /clock-drift %j is 400 and changes nothing', async (body, message) => {
  expect(await control(emulator(), 'POST', '/clock-drift', body)).toEqual({
    status: 400,
    answer: { statusCode: 400, message },
  });
  expect(await dateOf()).toBe(0);
});
