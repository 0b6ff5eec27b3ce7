import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { GenAuthClient } from '../../../src/core/client.js';
import type { GenAuthEvents } from '../../../src/core/events.js';
import type { GenAuthOptions, LoginThrottleOptions } from '../../../src/core/options/types.js';
import type { Credentials } from '../../../src/core/sign-in/credentials.js';
import { toNetwork } from '../../../src/core/sign-in/login-throttle.js';
import { type RedisClient, RedisLoginStore } from '../../../src/stores/redis/index.js';
import { useEmulator } from '../../emulator/support.js';
import { describeWithRedis, useRedis } from '../../support/redis.js';
import { until } from '../../support/promise.js';
import { useClosing } from '../../testing/support.js';

const emulator = useEmulator();
const closeLater = useClosing();
const ACCOUNT = { account: { failures: 3, per: 60_000 } };
const IP = '203.0.113.7';

const open = (loginThrottle: LoginThrottleOptions, options: Partial<GenAuthOptions> = {}) =>
  closeLater(new GenAuthClient({ ...emulator().clientOptions, ...options, loginThrottle }));
type Client = ReturnType<typeof open>;

/** Signs in and returns the kind of the outcome. */
const signIn = async (client: Client, credentials: Credentials, clientIp = IP): Promise<string> =>
  (await client.signIn(credentials, { clientIp })).kind;
const wrong = (account = 'alice'): Credentials => ({ account, password: 'wrong' });
const right = (account = 'alice'): Credentials => ({ account, password: 'passw0rd' });
async function inTurn(client: Client, ...credentials: Credentials[]): Promise<string[]> {
  const kinds: string[] = [];
  for (const each of credentials) kinds.push(await signIn(client, each));
  return kinds;
}
const [NO, LIMIT, YES] = ['invalid_credentials', 'rate_limited', 'success'];

it('refuses sign-ins of an account after the limit without asking GenAuth, also with the right password', async () => {
  const client = open(ACCOUNT);
  expect(await inTurn(client, wrong(), wrong(), wrong(), wrong(), right())).toEqual([NO, NO, NO, LIMIT, LIMIT]);
  expect(emulator().signIns).toHaveLength(3);
  expect(await client.signIn(right())).toMatchObject({
    statusCode: 0,
    retryAfter: expect.any(Number) as number,
    message: expect.stringContaining('loginThrottle') as string,
  });
  expect(await inTurn(client, right('bob'))).toEqual([YES]);
});

it('removes the count of the account after a sign-in with the right password, also if a step follows', async () => {
  const client = open(ACCOUNT);
  expect(await inTurn(client, wrong(), wrong(), right(), wrong(), wrong())).toEqual([NO, NO, YES, NO, NO]);
  emulator().updateUser('alice', { mfa: true });
  const kinds = await inTurn(client, right(), wrong(), wrong(), wrong(), wrong());
  emulator().updateUser('alice', { mfa: false });
  expect(kinds).toEqual(['mfa_required', NO, NO, NO, LIMIT]);
});

it('counts a network, whose count a right password does not remove', async () => {
  const client = open({ network: { failures: 3, per: 60_000 } });
  expect(await inTurn(client, wrong('a'), wrong('b'), right(), wrong('c'), right())).toEqual([NO, NO, YES, NO, LIMIT]);
  expect(await signIn(client, right(), '203.0.113.8')).toBe(YES);
  expect((await client.signIn(right())).kind).toBe(YES);
});

it.each([
  ['the case', ['Alice', 'ALICE', ' alice']],
  ['the width of the letters', ['ａｌｉｃｅ', 'alice', 'alice']],
  ['the accents', ['álice', 'alice\u0301', 'ALİCE']],
  ['invisible characters', ['al\u00ADice', 'al\u200Bice', 'alice\0']],
])('does not distinguish %s of an account', async (_title, names) => {
  const client = open(ACCOUNT);
  for (const name of names) await signIn(client, wrong(name));
  expect(await signIn(client, wrong())).toBe(LIMIT);
});

it('recognizes a phone number with and without its country', async () => {
  const client = open(ACCOUNT);
  await inTurn(client, wrong('+8613800000001'), wrong('138 0000 0001'), wrong('008613800000001'));
  expect(await inTurn(client, wrong('13800000001'), wrong('13800000002'))).toEqual([LIMIT, NO]);
});

it('recognizes an account of Active Directory with its domain, and keeps it apart from a password login', async () => {
  const client = open(ACCOUNT);
  const ad = (sAMAccountName: string): Credentials => ({ sAMAccountName, password: 'wrong' });
  await inTurn(client, ad('CORP\\zhangsan'), ad('zhangsan@corp.example'), ad('ZhangSan'));
  expect(await inTurn(client, ad('zhangsan'), wrong('zhangsan'))).toEqual([LIMIT, NO]);
});

it('does not let parallel sign-ins exceed the limit', async () => {
  const client = open(ACCOUNT);
  const kinds = await Promise.all(Array.from({ length: 20 }, () => signIn(client, wrong())));
  expect([kinds.filter((kind) => kind === NO).length, emulator().signIns.length]).toEqual([3, 3]);
});

it('counts sign-ins in progress, and takes back those that did not fail', async () => {
  const client = open(ACCOUNT);
  const kinds = await Promise.all(Array.from({ length: 5 }, () => signIn(client, right())));
  expect(kinds.filter((kind) => kind === YES)).toHaveLength(3);
  expect(await inTurn(client, wrong(), wrong(), wrong(), wrong())).toEqual([NO, NO, NO, LIMIT]);
});

it('counts a sign-in without an answer, because GenAuth may have checked the password', async () => {
  const client = open(ACCOUNT, { timeout: 100 });
  emulator().fault({ endpoint: 'signin', delayMs: 300 });
  const codes: unknown[] = [];
  for (let i = 0; i < 5; i += 1) {
    codes.push(await signIn(client, wrong()).catch((error: { code: string }) => error.code));
  }
  expect(codes).toEqual([...Array<string>(3).fill('upstream_timeout'), LIMIT, LIMIT]);
});

it('does not count a sign-in that was never sent', async () => {
  const client = open(ACCOUNT, { appHost: 'http://127.0.0.1:1' });
  const codes: unknown[] = [];
  for (let i = 0; i < 5; i += 1) {
    codes.push(await signIn(client, wrong()).catch((error: { code: string }) => error.code));
  }
  expect(codes).toEqual(Array(5).fill('upstream_unreachable'));
});

it('never counts below zero', async () => {
  const client = open({ account: { failures: 4, per: 60_000 } });
  emulator().answerSignIn({ statusCode: 400, apiCode: 2001, times: 2 });
  // The success removes the count of the two others, which then take nothing back.
  await Promise.all([signIn(client, right()), signIn(client, right()), signIn(client, right())]);
  expect(await inTurn(client, ...Array<Credentials>(5).fill(wrong()))).toEqual([NO, NO, NO, NO, LIMIT]);
});

it('counts an answer with an unknown code', async () => {
  const client = open(ACCOUNT);
  emulator().answerSignIn({ statusCode: 400, apiCode: 99_999, times: 3 });
  expect(await inTurn(client, wrong(), wrong(), wrong(), wrong())).toEqual(['rejected', 'rejected', 'rejected', LIMIT]);
});

it.each<[string, () => void]>([
  ['an outage', () => emulator().fault({ endpoint: 'signin', status: 503 })],
  ['a captcha', () => emulator().answerSignIn({ statusCode: 400, apiCode: 2001, times: 10 })],
])('does not count %s', async (_title, arrange) => {
  const client = open(ACCOUNT);
  arrange();
  for (let i = 0; i < 5; i += 1) await client.signIn(right(), { clientIp: IP }).catch(() => undefined);
  emulator().clearFaults();
  emulator().clearSignInAnswers();
  expect(await signIn(client, right())).toBe(YES);
});

it('gives back the count of the account if the network is refused, and the other way round', async () => {
  const client = open({ ...ACCOUNT, network: { failures: 2, per: 60_000 } });
  expect(await inTurn(client, wrong(), wrong(), wrong(), wrong())).toEqual([NO, NO, LIMIT, LIMIT]);
  expect(await signIn(client, wrong(), '203.0.113.8')).toBe(NO);
  expect(await signIn(client, wrong(), '203.0.113.8')).toBe(LIMIT);
  expect(await signIn(client, wrong('bob'), '203.0.113.8')).toBe(NO);
});

it('opens again after the time window', async () => {
  const client = open({ account: { failures: 1, per: 1000 } });
  expect(await inTurn(client, wrong(), right())).toEqual([NO, LIMIT]);
  const { retryAfter } = (await client.signIn(right())) as unknown as { retryAfter: number };
  expect(retryAfter).toBe(1);
  let kind = LIMIT;
  while (kind === LIMIT) kind = await signIn(client, right());
  expect(kind).toBe(YES);
});

it.each([
  ['203.0.113.7', '203.0.113.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
  ['2001:db8::1', '2001:db8:0:0::/64'],
  ['2001:db8:1:2::', '2001:db8:1:2::/64'],
  ['::1', '0:0:0:0::/64'],
  ['1::', '1:0:0:0::/64'],
])('the network of %s is %s', (address, network) => {
  expect(toNetwork(address)).toBe(network);
});

it('counts the addresses of one IPv6 network together', async () => {
  const client = open({ network: { failures: 2, per: 60_000 } });
  const kinds = ['2001:db8::1', '2001:db8::ffff:2', '2001:DB8:0:0:9::', '2001:db8:0:1::1'].map(
    (ip) => () => signIn(client, wrong(), ip),
  );
  expect([await kinds[0]?.(), await kinds[1]?.(), await kinds[2]?.(), await kinds[3]?.()]).toEqual([NO, NO, LIMIT, NO]);
});

describeWithRedis('test/core/sign-in/login-throttle.test.ts')('with Redis', () => {
  const redis = useRedis();
  const closes: (() => unknown)[] = [];
  afterEach(() => {
    for (const close of closes.splice(0)) close();
  });
  const CLIENTS: Record<string, () => Promise<RedisClient>> = {
    ioredis: async () => {
      const client = new Redis(redis().url, { lazyConnect: true });
      client.on('error', () => {});
      await client.connect();
      closes.push(() => client.disconnect());
      return client;
    },
    redis: async () => {
      const client = createClient({ url: redis().url });
      client.on('error', () => {});
      await client.connect();
      closes.push(() => client.destroy());
      return client;
    },
  };

  it.each(Object.keys(CLIENTS))('the clients of all processes count together, with the package %s', async (kind) => {
    const create = async () => new RedisLoginStore((await CLIENTS[kind]?.()) as RedisClient);
    const account = `user-of-${kind}`;
    const [a, b] = [open({ ...ACCOUNT, store: await create() }), open({ ...ACCOUNT, store: await create() })];
    expect(await inTurn(a, wrong(account), wrong(account))).toEqual([NO, NO]);
    expect(await inTurn(b, wrong(account), wrong(account))).toEqual([NO, LIMIT]);
    expect(await inTurn(a, wrong(account))).toEqual([LIMIT]);
    emulator().addUser({ username: account, password: 'passw0rd' });
    const client = (await CLIENTS['ioredis']?.()) as Redis;
    const keys = await client.keys('*');
    expect(keys.filter((key) => !key.startsWith('passport-genauth:genauth-emulator-app:login-account:'))).toEqual([]);
    expect(keys.join()).not.toContain(account);
  });

  it('counts the first sign-ins also if the connection to Redis is not open yet', async () => {
    const connection = new Redis(redis().url);
    closes.push(() => connection.disconnect());
    const client = open({ account: { failures: 1, per: 60_000 }, store: new RedisLoginStore(connection) });
    expect(await inTurn(client, wrong('dave'), wrong('dave'))).toEqual([NO, LIMIT]);
  });

  it('a success removes the count in all processes', async () => {
    const [a, b] = [
      open({ ...ACCOUNT, store: new RedisLoginStore((await CLIENTS['ioredis']?.()) as RedisClient) }),
      open({ ...ACCOUNT, store: new RedisLoginStore((await CLIENTS['redis']?.()) as RedisClient) }),
    ];
    expect(await inTurn(a, wrong('bob'), wrong('bob'))).toEqual([NO, NO]);
    expect(await inTurn(b, right('bob'), wrong('bob'), wrong('bob'), wrong('bob'), wrong('bob'))).toEqual([
      YES,
      NO,
      NO,
      NO,
      LIMIT,
    ]);
  });

  it.each(Object.keys(CLIENTS))('lets sign-ins pass while Redis is down, with one event (%s)', async (kind) => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const events: GenAuthEvents['genauth:store'][] = [];
    const take = (event: unknown): void => void events.push(event as GenAuthEvents['genauth:store']);
    subscribe('genauth:store', take);
    const connection = (await CLIENTS[kind]?.()) as Redis;
    const client = open({ account: { failures: 1, per: 60_000 }, store: new RedisLoginStore(connection) });
    await redis().stop();
    const state = connection as unknown as { status?: string; isReady?: boolean };
    await until(() => state.status !== 'ready' && state.isReady !== true);
    expect(await inTurn(client, wrong('carol'), wrong('carol'), right())).toEqual([NO, NO, YES]);
    await Promise.all(Array.from({ length: 10 }, () => signIn(client, right('bob'))));
    expect(events).toMatchObject([{ store: 'loginThrottle', kind: 'down' }]);
    expect(emitWarning.mock.calls).toMatchObject([[expect.stringContaining('Sign-ins are not limited'), {}]]);
    const ready = new Promise((resolve) => connection.once('ready', resolve));
    await redis().start();
    await ready;
    // The sign-ins without Redis are not counted when Redis is back.
    await connection.ping();
    expect(await connection.keys('*')).toEqual([]);
    unsubscribe('genauth:store', take);
    emitWarning.mockRestore();
  });
});

it.each<[object, RegExp]>([
  [{}, /loginThrottle has neither account nor network: write loginThrottle/],
  [{ account: {} }, /loginThrottle.account.failures is missing.*\n.*loginThrottle.account.per is missing/],
  [{ account: { failures: 0, per: 1000 } }, /loginThrottle.account.failures is 0/],
  [{ network: { failures: 1, per: 1 } }, /loginThrottle.network.per is 1: write a whole number of milliseconds/],
  [{ accounts: { failures: 1, per: 1000 } }, /loginThrottle.accounts is not an option.*account/],
  [{ ...ACCOUNT, store: {} }, /loginThrottle.store is an object without createLimiter/],
])('refuses loginThrottle %j', (loginThrottle, message) => {
  expect(() => open(loginThrottle)).toThrow(message);
});

it('throws the error of a store when the client is created', () => {
  const store = {
    createLimiter: () => {
      throw new Error('no table');
    },
  };
  expect(() => open({ ...ACCOUNT, store })).toThrow('no table');
});
