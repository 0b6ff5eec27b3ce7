import type { Introspection } from '../../../src/core/wire/parse.js';
import { UpstreamError } from '../../../src/core/errors.js';
import { IntrospectionCache } from '../../../src/core/oidc/introspection-cache.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { Gate, catchError } from '../../support/promise.js';

failOnUnhandledRejections();
const MAX_AGE = 10_000;
const ANSWER: Introspection = { active: true, sub: 'alice', clientId: 'app', scope: ['openid'], exp: 1 };

let now = 0;
const asked: string[] = [];
beforeEach(() => {
  now = 1_760_000_000_000;
  asked.length = 0;
});

const open = (
  answer: (token: string) => Promise<Introspection> = async () => ANSWER,
  maxEntries = 100,
): IntrospectionCache =>
  new IntrospectionCache({
    requestIntrospection: (token) => {
      asked.push(token);
      return answer(token);
    },
    maxEntries,
    now: () => now,
  });

it('an answer counts to the last millisecond of maxAge, and then GenAuth is asked again', async () => {
  const introspections = open();
  expect(await introspections.get('t', MAX_AGE)).toBe(ANSWER);
  now += MAX_AGE - 1;
  expect(await introspections.get('t', MAX_AGE)).toBe(ANSWER);
  expect(asked).toHaveLength(1);
  now += 1;
  await introspections.get('t', MAX_AGE);
  expect(asked).toHaveLength(2);
});

it('each route has its own maxAge over the one answer; 0 asks each time', async () => {
  const introspections = open();
  await introspections.get('t', MAX_AGE);
  now += 2000;
  await introspections.get('t', 2001);
  expect(asked).toHaveLength(1);
  await introspections.get('t', 2000);
  expect(asked).toHaveLength(2);
  await introspections.get('t', 0);
  await introspections.get('t', 0);
  expect(asked).toHaveLength(4);
  // And the newest is the one that is kept.
  await introspections.get('t', 1);
  expect(asked).toHaveLength(4);
});

it('a clock that was set back makes an answer old, not young', async () => {
  const introspections = open();
  await introspections.get('t', MAX_AGE);
  now -= 1;
  await introspections.get('t', MAX_AGE);
  expect(asked).toHaveLength(2);
});

it('100 at one time are one question; another token is another', async () => {
  const gate = new Gate<Introspection>();
  const introspections = open(() => gate.opened);
  const all = Promise.all(Array.from({ length: 100 }, (_, i) => introspections.get(`t${i % 2}`, MAX_AGE)));
  gate.open(ANSWER);
  expect(new Set(await all)).toEqual(new Set([ANSWER]));
  expect(asked).toEqual(['t0', 't1']);
});

it('a failure is told to all that asked, and for a second to everybody', async () => {
  const failure = new UpstreamError('upstream_unavailable', 'down');
  let isDown = true;
  const introspections = open(async () => {
    if (isDown) throw failure;
    return ANSWER;
  });
  const errors = await Promise.all(Array.from({ length: 10 }, () => catchError(introspections.get('t', MAX_AGE))));
  expect(new Set(errors)).toEqual(new Set([failure]));
  expect(asked).toHaveLength(1);
  isDown = false;
  now += 999;
  expect(await catchError(introspections.get('another', MAX_AGE))).toBe(failure);
  expect(asked).toHaveLength(1);
  now += 1;
  expect(await introspections.get('t', MAX_AGE)).toBe(ANSWER);
});

it('an old failure that comes late does not take a new answer away', async () => {
  const gate = new Gate();
  const introspections = open(async () => {
    if (asked.length > 1) return ANSWER;
    await gate.opened;
    throw new Error('late');
  });
  const first = catchError(introspections.get('t', MAX_AGE));
  now += MAX_AGE;
  await introspections.get('t', MAX_AGE);
  gate.open();
  await first;
  await introspections.get('t', MAX_AGE);
  expect(asked).toHaveLength(2);
});

it('a token that is forgotten is asked about again, be it while GenAuth still answers', async () => {
  const gate = new Gate<Introspection>();
  const introspections = open(() => (asked.length === 1 ? gate.opened : Promise.resolve({ ...ANSWER, active: false })));
  const first = introspections.get('t', MAX_AGE);
  introspections.forget('t');
  introspections.forget('another');
  expect(await introspections.get('t', MAX_AGE)).toMatchObject({ active: false });
  gate.open(ANSWER);
  expect(await first).toMatchObject({ active: true });
  expect(await introspections.get('t', MAX_AGE)).toMatchObject({ active: false });
  expect(asked).toHaveLength(2);
});

it('bounded: what was not asked about for the longest time goes first', async () => {
  const introspections = open(undefined, 2);
  for (const token of ['a', 'b', 'a', 'c']) await introspections.get(token, MAX_AGE);
  expect(asked).toEqual(['a', 'b', 'c']);
  for (const token of ['a', 'c', 'b']) await introspections.get(token, MAX_AGE);
  expect(asked).toEqual(['a', 'b', 'c', 'b']);
});
