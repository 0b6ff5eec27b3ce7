import { TokenVerificationError, UpstreamError } from '../../../src/core/errors.js';
import { UserInfoCache, type UserInfoClaims } from '../../../src/core/oidc/user-info-cache.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { catchError } from '../../support/promise.js';

failOnUnhandledRejections();
const MAX_AGE = 300_000;
const STALE = 86_400_000;
const DOWN = new UpstreamError('upstream_unavailable', 'down');
const REVOKED = new TokenVerificationError('token_revoked', 'revoked');

let now = 0;
let sent: string[] = [];
/** The result of the next request to GenAuth. */
let answer: () => Promise<UserInfoClaims>;
beforeEach(() => {
  now = 1_760_000_000_000;
  sent = [];
  answer = async () => ({ sub: 'alice', n: sent.length });
});
class PromisingCache extends UserInfoCache {
  override async get(token: string): Promise<UserInfoClaims> {
    return super.get(token);
  }
}
const open = (maxEntries = 100, isNeeded = true): PromisingCache =>
  new PromisingCache({
    requestUserInfo: (token) => {
      sent.push(token);
      return answer();
    },
    onStale: () => {},
    maxAge: MAX_AGE,
    staleIfError: STALE,
    maxEntries,
    isNeeded,
    now: () => now,
  });

it('caches claims for maxAge, for each token', async () => {
  const cache = open();
  const claims = [await cache.get('t'), await cache.get('T')];
  now += MAX_AGE - 1;
  claims.push(await cache.get('t'));
  now += 1;
  claims.push(await cache.get('t'));
  expect(claims.map(({ n }) => n)).toEqual([1, 2, 1, 3]);
  expect(Object.isFrozen(claims[0])).toBe(true);
});

it('serves old claims while GenAuth is down, pauses for 5 s, and drops them if GenAuth refuses the token', async () => {
  const cache = open();
  const claims = await cache.get('t');
  answer = () => Promise.reject(DOWN);
  now += MAX_AGE + STALE - 1;
  expect(await cache.get('t')).toBe(claims);
  answer = () => Promise.reject(REVOKED);
  now += 4999;
  expect([await catchError(cache.get('t')), await catchError(cache.get('other'))]).toEqual([DOWN, REVOKED]);
  now += 1;
  expect(await catchError(cache.get('t'))).toBe(REVOKED);
  cache.prime('t', { sub: 'alice' });
  now += MAX_AGE;
  expect(await catchError(cache.get('t'))).toBe(REVOKED);
});

it.each([
  ['a refusal', REVOKED, true],
  ['an unusable response', new UpstreamError('upstream_invalid_response', 'HTTP 404'), true],
  ['a fault of the application', new Error('a'), true],
  ['no connection', new UpstreamError('upstream_unreachable', 'reset'), false],
  ['a timeout', new UpstreamError('upstream_timeout', 'late'), false],
])('after %s (%s) does not serve old claims: %s', async (_, error, isEnd) => {
  const cache = open();
  const claims = await cache.get('t');
  answer = () => Promise.reject(error);
  now += MAX_AGE;
  expect(await cache.get('t').catch((thrown: unknown) => thrown)).toBe(isEnd ? error : claims);
});

it('prime stores nothing before the first need of user info, unless every route needs it', async () => {
  const cache = open(100, false);
  cache.prime('t', { sub: 'alice' });
  await cache.get('t');
  cache.prime('T', { sub: 'bob' });
  expect([await cache.get('T'), sent]).toEqual([{ sub: 'bob' }, ['t']]);
});

it('prime stores a frozen copy of the claims of a login', async () => {
  const cache = open();
  const given = { sub: 'alice', roles: [{ code: 'user' }] };
  cache.prime('t', given);
  Object.assign(given.roles[0] ?? {}, { code: 'admin' });
  const claims = (await cache.get('t')) as typeof given;
  expect(claims).toEqual({ sub: 'alice', roles: [{ code: 'user' }] });
  expect([Object.isFrozen(claims.roles[0]), sent.length]).toEqual([true, 0]);
});

it.each([
  [16_384, 1],
  [16_385, 2],
])('claims of %i characters as JSON need %i requests for two calls', async (length, requests) => {
  const claims = { sub: 'alice', text: '' };
  claims.text = 'x'.repeat(length - JSON.stringify(claims).length);
  answer = async () => claims;
  const cache = open();
  expect([await cache.get('t'), await cache.get('t')]).toEqual([claims, claims]);
  expect(sent).toHaveLength(requests);
  cache.prime('T', claims);
  await cache.get('T');
  expect(sent).toHaveLength(2 * requests - 1);
});

it('prime ends a pause, and is not replaced by a request that was sent before', async () => {
  answer = () => Promise.reject(DOWN);
  const cache = open();
  const getting = catchError(cache.get('t'));
  cache.prime('t', { sub: 'primed' });
  expect([await getting, await cache.get('t')]).toEqual([DOWN, { sub: 'primed' }]);
});

it('has at most maxEntries entries, and forgets a token', async () => {
  const cache = open(2);
  for (const token of ['a', 'b', 'b', 'a', 'c', 'b']) await cache.get(token);
  cache.forget('b');
  await cache.get('b');
  expect(sent).toEqual(['a', 'b', 'c', 'b', 'b']);
});
