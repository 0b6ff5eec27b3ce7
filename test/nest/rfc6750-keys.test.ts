import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import {
  ANSWERS,
  type GuardedAnswer,
  type GuardedWay,
  expectEverywhere,
  startGuardedWays,
} from '../support/guarded-ways.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { DISCOVERY_PATH, type Issuer, JWKS_PATH, type Reply, SUBJECT, useIssuer } from '../support/issuer.js';
import { type RsaJwk, createRsaKey } from '../support/rsa-key.js';

failOnUnhandledRejections();
const issuer = useIssuer();
const other = createRsaKey({ kid: 'other' });
const weak = createRsaKey({ bits: 1024 });
const cheap = createRsaKey({ exponent: 3 });

const USER = { sub: SUBJECT, scope: ['openid', 'profile'], tenant_id: null };
const PASSES: GuardedAnswer = { status: 200, headers: {}, body: { user: USER } };
const right = (): string => `Bearer ${issuer().sign(issuer().accessTokenClaims())}`;

/** Processes that have just started, so that none of them has keys. */
async function withWays(use: (ways: readonly GuardedWay[]) => Promise<void>): Promise<void> {
  const { ways, close } = await startGuardedWays(issuer().clientOptions);
  try {
    await use(ways);
  } finally {
    await close();
  }
}
const expectAnswer = (expected: GuardedAnswer): Promise<void> =>
  withWays((ways) => expectEverywhere(ways, expected, right()));

describe('the document with the key of a right token', () => {
  type Change = (jwk: RsaJwk) => unknown;

  it.each<[string, Change]>([
    ['as GenAuth has it', (jwk) => jwk],
    ['without alg', (jwk) => ({ ...jwk, alg: undefined })],
    ['without use', (jwk) => ({ ...jwk, use: undefined })],
    ['with key_ops verify', (jwk) => ({ ...jwk, key_ops: ['verify'] })],
    ['with members of other kinds of key', (jwk) => ({ ...jwk, k: 'c2VjcmV0', x5c: ['none'], jku: 7 })],
  ])('%s: 200', async (_title, change) => {
    issuer().reply(JWKS_PATH, { body: { keys: [null, 'x', other.jwk, change(issuer().key.jwk)] } });
    await expectAnswer(PASSES);
  });

  it.each<[string, Change]>([
    ['alg RS512', (jwk) => ({ ...jwk, alg: 'RS512' })],
    ['alg HS256', (jwk) => ({ ...jwk, alg: 'HS256' })],
    ['alg none', (jwk) => ({ ...jwk, alg: 'none' })],
    ['use enc', (jwk) => ({ ...jwk, use: 'enc' })],
    ['key_ops sign', (jwk) => ({ ...jwk, key_ops: ['sign'] })],
    ['key_ops empty', (jwk) => ({ ...jwk, key_ops: [] })],
    ['kty EC', (jwk) => ({ ...jwk, kty: 'EC' })],
    ['kty oct', ({ kid, n }) => ({ kty: 'oct', kid, k: n })],
    ['no kty', (jwk) => ({ ...jwk, kty: undefined })],
    ['no kid', (jwk) => ({ ...jwk, kid: undefined })],
    ['kid a number', (jwk) => ({ ...jwk, kid: 7 })],
    ['no n', (jwk) => ({ ...jwk, n: undefined })],
    ['n of 1024 bits', (jwk) => ({ ...jwk, n: weak.jwk.n })],
    ['n of 16,384 bits', (jwk) => ({ ...jwk, n: randomBytes(2048).fill(0xff, 0, 1).toString('base64url') })],
    ['no e', (jwk) => ({ ...jwk, e: undefined })],
    ['e 1', (jwk) => ({ ...jwk, e: 'AQ' })],
    ['e 3', (jwk) => ({ ...jwk, n: cheap.jwk.n, e: cheap.jwk.e })],
    ['e even', (jwk) => ({ ...jwk, e: 'AQAA' })],
  ])('%s: 503 alone, since the set has no key at all; beside a good one 401', async (_title, change) => {
    const jwk = change(issuer().key.jwk);
    issuer().reply(JWKS_PATH, { body: { keys: [jwk] } });
    await expectAnswer(ANSWERS.upstream_unavailable);
    issuer().reply(JWKS_PATH, { body: { keys: [jwk, other.jwk] } });
    await expectAnswer(ANSWERS.invalid_token);
  });

  it.each<[string, () => unknown]>([
    ['another key alone', () => ({ keys: [other.jwk] })],
    ['the key of another under its kid', () => ({ keys: [{ ...other.jwk, kid: issuer().key.kid }] })],
    ['that before the right one', () => ({ keys: [{ ...other.jwk, kid: issuer().key.kid }, issuer().key.jwk] })],
  ])('%s: 401', async (_title, make) => {
    issuer().reply(JWKS_PATH, { body: make() });
    await expectAnswer(ANSWERS.invalid_token);
  });
});

describe('the server of the keys', () => {
  const says = (reply: Reply) => (to: Issuer) => to.reply(JWKS_PATH, reply);
  const keys = (): object => ({ keys: [issuer().key.jwk] });
  const after = (seconds: number): GuardedAnswer => ({
    ...ANSWERS.upstream_unavailable,
    headers: { ...ANSWERS.upstream_unavailable.headers, 'retry-after': String(seconds) },
  });

  it.each<[string, (to: Issuer) => void, GuardedAnswer]>([
    ['HTTP 500', says({ status: 500 }), ANSWERS.upstream_unavailable],
    ['HTTP 503, Retry-After: 9', says({ status: 503, headers: { 'retry-after': '9' } }), after(9)],
    ['HTTP 503, Retry-After: soon', says({ status: 503, headers: { 'retry-after': 'soon' } }), after(5)],
    ['HTTP 503, Retry-After of a day', says({ status: 503, headers: { 'retry-after': '86400' } }), after(3600)],
    ['HTTP 502 and a page', says({ status: 502, body: '<html>' }), ANSWERS.upstream_unavailable],
    ['HTTP 429', says({ status: 429 }), ANSWERS.upstream_unavailable],
    [
      'HTTP 500 with the keys',
      (to) => to.reply(JWKS_PATH, { status: 500, body: keys() }),
      ANSWERS.upstream_unavailable,
    ],
    ['a reset', says({ reset: true }), ANSWERS.upstream_unavailable],
    ['discovery: HTTP 500', (to) => to.reply(DISCOVERY_PATH, { status: 500 }), ANSWERS.upstream_unavailable],
    ['discovery: a reset', (to) => to.reply(DISCOVERY_PATH, { reset: true }), ANSWERS.upstream_unavailable],
    ['HTTP 404', says({ status: 404 }), ANSWERS.upstream_unavailable],
    ['HTTP 401', says({ status: 401 }), ANSWERS.upstream_unavailable],
    ['HTTP 204', says({ status: 204 }), ANSWERS.upstream_unavailable],
    ['a page', says({ body: '<html>' }), ANSWERS.upstream_unavailable],
    ['half of the JSON', (to) => says({ body: JSON.stringify(keys()).slice(0, -2) })(to), ANSWERS.upstream_unavailable],
    ['an empty body', says({ body: '' }), ANSWERS.upstream_unavailable],
    ['null', says({ body: 'null' }), ANSWERS.upstream_unavailable],
    ['a list', (to) => says({ body: [to.key.jwk] })(to), ANSWERS.upstream_unavailable],
    ['an object without keys', says({ body: {} }), ANSWERS.upstream_unavailable],
    ['keys that are an object', (to) => says({ body: { keys: { 0: to.key.jwk } } })(to), ANSWERS.upstream_unavailable],
    ['no keys', says({ body: { keys: [] } }), ANSWERS.upstream_unavailable],
    [
      'the keys in gzip',
      (to) =>
        says({ headers: { 'content-encoding': 'gzip' }, body: gzipSync(JSON.stringify({ keys: [to.key.jwk] })) })(to),
      ANSWERS.upstream_unavailable,
    ],
    [
      '300 KiB',
      (to) => says({ body: { keys: [to.key.jwk], x: 'x'.repeat(300 * 1024) } })(to),
      ANSWERS.upstream_unavailable,
    ],
    [
      'a redirect to the keys',
      (to) => {
        to.reply('/moved', { body: { keys: [to.key.jwk] } });
        to.reply(JWKS_PATH, { status: 302, headers: { location: `${to.url}/moved` } });
      },
      ANSWERS.upstream_unavailable,
    ],
    [
      'discovery: another issuer',
      (to) => to.reply(DISCOVERY_PATH, { body: { issuer: 'https://evil.invalid', jwks_uri: to.url + JWKS_PATH } }),
      ANSWERS.configuration_error,
    ],
    [
      'discovery: keys on another host',
      (to) => to.reply(DISCOVERY_PATH, { body: { issuer: to.issuer, jwks_uri: 'https://evil.invalid/jwks' } }),
      ANSWERS.configuration_error,
    ],
    ['discovery: 404, the keys where they always are', (to) => to.reply(DISCOVERY_PATH, { status: 404 }), PASSES],
  ])('%s: what nobody can tell is never 401', async (_title, arrange, expected) => {
    arrange(issuer());
    await withWays(async (ways) => {
      await expectEverywhere(ways, expected, right());
      const fetched = issuer().count(JWKS_PATH);
      // The pause after a failure runs: nobody is asked again, and the answer stays.
      await expectEverywhere(ways, expected, right());
      expect(issuer().count(JWKS_PATH)).toBe(fetched);
      // Without keys too it is clear that these are wrong.
      await expectEverywhere(ways, ANSWERS.token_missing, undefined);
      await expectEverywhere(ways, ANSWERS.invalid_token, 'Bearer a.b.c');
    });
    expect(issuer().count('/moved')).toBe(0);
  });

  it('gone after the keys were fetched: a known key goes on verifying', async () => {
    await withWays(async (ways) => {
      await expectEverywhere(ways, PASSES, right());
      issuer().reply(JWKS_PATH, { reset: true });
      await expectEverywhere(ways, PASSES, `Bearer ${issuer().sign(issuer().accessTokenClaims({ jti: 'new' }))}`);
      const unknown = issuer().sign(issuer().accessTokenClaims(), { kid: 'unknown' });
      await expectEverywhere(ways, ANSWERS.invalid_token, `Bearer ${unknown}`);
    });
  });
});
