import { ConfigurationError, UpstreamError } from '../../../src/core/errors.js';
import { IntrospectionCache } from '../../../src/core/oidc/introspection-cache.js';
import type { Introspection } from '../../../src/core/wire/parse.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { Gate, catchError } from '../../support/promise.js';

failOnUnhandledRejections();
const MAX_AGE = 10_000;
const ACTIVE: Introspection = { active: true, sub: 'alice', clientId: 'app', scope: ['openid'], exp: 1 };
const INACTIVE: Introspection = { ...ACTIVE, active: false };
const DOWN = new UpstreamError('upstream_unavailable', 'down');

let now = 0;
let sent: string[] = [];
/** The result of the next request to GenAuth. */
let answer: () => Promise<Introspection>;
beforeEach(() => {
  now = 1_760_000_000_000;
  sent = [];
  answer = async () => ACTIVE;
});
class PromisingCache extends IntrospectionCache {
  override async get(token: string, maxAge: number): Promise<Introspection> {
    return super.get(token, maxAge);
  }
}
const open = (maxEntries = 100): PromisingCache =>
  new PromisingCache({
    requestIntrospection: (token) => {
      sent.push(token);
      return answer();
    },
    maxEntries,
    now: () => now,
  });

it('caches a response for the maxAge of each call, counted from the request', async () => {
  const gate = new Gate<Introspection>();
  answer = () => gate.opened;
  const cache = open();
  const first = cache.get('t', MAX_AGE);
  now += 2000;
  gate.open(ACTIVE);
  expect([await first, await cache.get('t', 2001), sent.length]).toEqual([ACTIVE, ACTIVE, 1]);
  answer = async () => INACTIVE;
  expect([await cache.get('t', 2000), sent.length]).toEqual([INACTIVE, 2]);
});

it('sends one request for parallel calls with the same token, unless maxAge is 0', async () => {
  const cache = open();
  await Promise.all(['a', 'b', 'a', 'b'].map((token) => cache.get(token, MAX_AGE)));
  await Promise.all([cache.get('a', 0), cache.get('a', 0)]);
  expect(sent).toEqual(['a', 'b', 'a', 'a']);
});

it('throws an UpstreamError for one second without a request, for every token, but no other error', async () => {
  const refused = new ConfigurationError('client_authentication_failed', 'refused');
  const cache = open();
  answer = () => Promise.reject(refused);
  expect(await catchError(cache.get('t', MAX_AGE))).toBe(refused);
  answer = () => Promise.reject(DOWN);
  expect(await catchError(cache.get('t', MAX_AGE))).toBe(DOWN);
  answer = async () => ACTIVE;
  now += 999;
  expect([await catchError(cache.get('other', MAX_AGE)), sent.length]).toEqual([DOWN, 2]);
  now += 1;
  expect(await cache.get('t', MAX_AGE)).toBe(ACTIVE);
});

it('keeps a newer response if an older request fails later', async () => {
  const gate = new Gate();
  answer = () => gate.opened.then(() => Promise.reject(new Error('late')));
  const cache = open();
  const first = catchError(cache.get('t', MAX_AGE));
  answer = async () => ACTIVE;
  await cache.get('t', 0);
  gate.open();
  await first;
  await cache.get('t', MAX_AGE);
  expect(sent).toHaveLength(2);
});

it('has at most maxEntries entries, and forgets a token', async () => {
  const cache = open(2);
  for (const token of ['a', 'b', 'b', 'a', 'c', 'b']) await cache.get(token, MAX_AGE);
  cache.forget('b');
  await cache.get('b', MAX_AGE);
  expect(sent).toEqual(['a', 'b', 'c', 'b', 'b']);
});
