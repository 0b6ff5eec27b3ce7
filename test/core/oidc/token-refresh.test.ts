import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { jest } from '@jest/globals';
import { Redis } from 'ioredis';
import { createClient } from 'redis';
import { GenAuthClient } from '../../../src/core/client.js';
import type { GenAuthEvents } from '../../../src/core/events.js';
import { guardStore } from '../../../src/core/guarded-store.js';
import { SharedRefreshes } from '../../../src/core/oidc/shared-refreshes.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { digestToken } from '../../../src/core/tokens/token-digest.js';
import type { SealedBox } from '../../../src/core/util/sealed-box.js';
import type { UnverifiedTokens } from '../../../src/core/wire/parse.js';
import { type RedisClient, RedisRefreshStore } from '../../../src/stores/redis/index.js';
import { useEmulator } from '../../emulator/support.js';
import type { RefreshStore } from '../../../src/stores/refresh-store.js';
import { until } from '../../support/promise.js';
import { describeWithRedis, useRedis } from '../../support/redis.js';
import { useClosing } from '../../testing/support.js';

const emulator = useEmulator();
const closeLater = useClosing();
const SECRET = 'store-secret-of-the-test-0123456789';

/** The time of the clients. */
let now = Date.now();
beforeEach(() => (now = Date.now()));

const open = (options: Partial<GenAuthOptions> = {}): GenAuthClient<string> =>
  closeLater(
    new GenAuthClient({ ...emulator().clientOptions, scope: 'openid offline_access', ...options } as GenAuthOptions, {
      now: () => now,
    }),
  );

async function signIn(client = open()): Promise<string> {
  const outcome = await client.signIn({ account: 'alice', password: 'passw0rd' });
  return (outcome.kind === 'success' && outcome.tokens.refreshToken) || '';
}
const refresh = (client: GenAuthClient<string>, token: string): Promise<string> =>
  client.refresh(token).then(
    ({ tokens }) => tokens.refreshToken,
    (error: { code: string }) => error.code,
  );
const countRequests = (): number => emulator().requests('token');

describe('in one process', () => {
  it('answers a replaced refresh token with the newest tokens, with one request for each rotation', async () => {
    const client = open();
    const first = await signIn(client);
    const before = countRequests();
    const second = await refresh(client, first);
    const third = await refresh(client, second);
    now += 29_000;
    expect(await Promise.all([first, second, first].map((token) => refresh(client, token)))).toEqual([
      third,
      third,
      third,
    ]);
    expect([new Set([first, second, third]).size, countRequests() - before]).toEqual([3, 2]);
  });

  it.each([
    [30_000, 'after the grace period'],
    [-1000, 'after the clock was set back'],
  ])('asks GenAuth again %d ms later (%s)', async (time) => {
    const client = open();
    const first = await signIn(client);
    await refresh(client, first);
    now += time;
    expect(await refresh(client, first)).toBe('refresh_token_refused');
  });

  it('refuses a replaced refresh token at once with refreshGrace 0', async () => {
    const client = open({ refreshGrace: 0 });
    const first = await signIn(client);
    await refresh(client, first);
    expect(await refresh(client, first)).toBe('refresh_token_refused');
  });

  it.each(['first', 'second', 'third', 'access'] as const)(
    'forgets all tokens if the %s token is revoked',
    async (name) => {
      const client = open();
      const first = await signIn(client);
      const second = await refresh(client, first);
      const { tokens } = await client.refresh(second);
      await client.revoke({ first, second, third: tokens.refreshToken, access: tokens.accessToken }[name]);
      const codes = [await refresh(client, first), await refresh(client, second)];
      expect(codes).toEqual(['refresh_token_refused', 'refresh_token_refused']);
    },
  );

  it('keeps tokens that cannot be verified while the keys are unknown, and returns them later', async () => {
    const client = open();
    const first = await signIn(client);
    await emulator().rotateKeys();
    emulator().fault({ endpoint: 'jwks', status: 503 });
    const before = countRequests();
    expect(await refresh(client, first)).toBe('upstream_unavailable');
    emulator().clearFaults();
    now += 60_000;
    const second = await refresh(client, first);
    expect([second, countRequests() - before]).toEqual([expect.stringMatching(/.{20}/), 1]);
    now += 29_000;
    expect(await refresh(client, first)).toBe(second);
    now += 1_000;
    expect(await refresh(client, first)).toBe('refresh_token_refused');
  });

  it('ends if GenAuth returns a refresh token that it has already replaced', async () => {
    const client = open();
    const first = await signIn(client);
    const { tokens } = await client.refresh(first);
    const { accessToken, idToken, refreshToken: second } = tokens;
    const body = { access_token: accessToken, id_token: idToken, refresh_token: first, token_type: 'Bearer' };
    emulator().fault({ endpoint: 'token', body, times: 1 });
    now += 30_001;
    await client.refresh(second);
    expect([await refresh(client, second), await refresh(client, first)]).toEqual([first, 'refresh_token_refused']);
  });

  it('does not bring back tokens that are revoked while a refresh is pending', async () => {
    const client = open();
    const first = await signIn(client);
    emulator().fault({ endpoint: 'token', delayMs: 200, times: 1 });
    const pending = refresh(client, first);
    await client.revoke(first);
    await pending;
    expect(await refresh(client, first)).toBe('refresh_token_refused');
  });

  it('never returns the tokens of another user', async () => {
    const client = open();
    const token = await signIn(client);
    const { claims } = await client.refresh(token);
    expect((await client.refresh(token, { sub: claims.sub })).claims.sub).toBe(claims.sub);
    const refused = { code: 'refresh_token_refused', details: { expected: 'mallory', actual: claims.sub } };
    await expect(client.refresh(token, { sub: 'mallory' })).rejects.toMatchObject(refused);
    for (const wrong of [{ user: claims.sub }, claims.sub, null]) {
      await expect(client.refresh(token, wrong as never)).rejects.toThrow(
        /^refresh has no option .*write refresh\(token, \{ sub/,
      );
    }
    for (const sub of [undefined, '', 7]) {
      const call = client.refresh(token, { sub } as unknown as { sub: string });
      await expect(call).rejects.toMatchObject({ code: 'invalid_request', details: { field: 'sub' } });
    }
  });
});

describeWithRedis('test/core/oidc/token-refresh.test.ts')('in several processes, with Redis', () => {
  const redis = useRedis();
  const connections: (() => unknown)[] = [];
  afterEach(async () => {
    await Promise.all(connections.splice(0).map((close) => close()));
  });

  const CLIENTS: Record<string, () => Promise<RedisClient>> = {
    ioredis: async () => {
      const client = new Redis(redis().url, { lazyConnect: true, retryStrategy: () => 50 });
      client.on('error', () => {});
      await client.connect();
      connections.push(() => client.disconnect());
      return client;
    },
    redis: async () => {
      const client = createClient({ url: redis().url, socket: { reconnectStrategy: () => 50 } });
      client.on('error', () => {});
      await client.connect();
      connections.push(() => client.destroy());
      return client;
    },
  };
  const openShared = async (
    kind = 'ioredis',
    options: Partial<GenAuthOptions> = {},
  ): Promise<GenAuthClient<string>> => {
    const store = new RedisRefreshStore((await CLIENTS[kind]?.()) as RedisClient);
    return open({ refreshStore: store, storeSecret: SECRET, ...options });
  };

  it.each(Object.keys(CLIENTS))(
    'with the package %s: 20 parallel refreshes and a late one send one request, and get the same tokens',
    async (kind) => {
      const clients = [await openShared(kind), await openShared(kind)];
      const first = await signIn(clients[0]);
      const before = countRequests();
      const calls = Array.from({ length: 20 }, (_, i) => refresh(clients[i % 2] as GenAuthClient<string>, first));
      const [newest = '', ...others] = new Set(await Promise.all(calls));
      now += 5_000;
      expect(await refresh(await openShared(kind), first)).toBe(newest);
      expect([newest, others, countRequests() - before]).toEqual([expect.stringMatching(/.{20}/), [], 1]);
    },
  );

  it('follows the rotations of all processes, until the end of the grace period', async () => {
    const [a, b, c] = [await openShared(), await openShared(), await openShared()];
    const first = await signIn(a);
    const second = await refresh(a, first);
    const third = await refresh(b, second);
    expect([await refresh(c, first), await refresh(a, first), await refresh(b, first)]).toEqual([third, second, third]);
    now += 31_000;
    expect(await refresh(b, first)).toBe('refresh_token_refused');
  });

  it('keeps tokens that cannot be verified for all processes', async () => {
    const [a, b] = [await openShared(), await openShared()];
    const first = await signIn(a);
    await emulator().rotateKeys();
    emulator().fault({ endpoint: 'jwks', status: 503 });
    expect(await refresh(a, first)).toBe('upstream_unavailable');
    emulator().clearFaults();
    now += 60_000;
    const second = await refresh(b, first);
    expect([second, await refresh(a, first)]).toEqual([expect.stringMatching(/.{20}/), second]);
  });

  it('forgets revoked tokens in all processes', async () => {
    const [a, b] = [await openShared(), await openShared()];
    const first = await signIn(a);
    const second = await refresh(a, first);
    await a.revoke(second);
    expect(await refresh(b, first)).toBe('refresh_token_refused');
  });

  it.each(['first', 'second'] as const)(
    'forgets the tokens in each process if another one revokes the %s',
    async (name) => {
      const [a, b, c] = [await openShared(), await openShared(), await openShared()];
      const first = await signIn(a);
      const second = await refresh(a, first);
      await b.revoke({ first, second }[name]);
      // One process has the tokens in its memory, and the other one finds them in the store.
      expect([await refresh(a, first), await refresh(c, first)]).toEqual(Array(2).fill('refresh_token_refused'));
    },
  );

  it('shares the result if one call of the store is slow', async () => {
    const real = new RedisRefreshStore((await CLIENTS['ioredis']?.()) as RedisClient);
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    let isSlow = true;
    const slow: RefreshStore = {
      get: (key) => real.get(key),
      set: (key, value, ttl) => real.set(key, value, ttl),
      remove: (key, value) => real.remove(key, value),
      add: async (key, value, ttl) => {
        const isSet = await real.add(key, value, ttl);
        // The client warns when it no longer waits for the store.
        if (isSlow) await until(() => emitWarning.mock.calls.length > 0);
        isSlow = false;
        return isSet;
      },
    };
    const [a, b] = [
      await openShared('ioredis', { refreshStore: slow }),
      await openShared('ioredis', { timeout: 1500 }),
    ];
    const first = await signIn(b);
    const second = await refresh(a, first);
    expect(await refresh(b, first)).toBe(second);
    emitWarning.mockRestore();
  });

  it('ends a refresh before its lock ends, also with a slow function appSecret', async () => {
    const appSecret = async (): Promise<string> => {
      await new Promise((resolve) => setTimeout(resolve, 700));
      return emulator().appSecret;
    };
    const a = await openShared('ioredis', { timeout: 1000, appSecret });
    const b = await openShared('ioredis', { timeout: 3000 });
    const first = await signIn(b);
    const before = countRequests();
    emulator().fault({ endpoint: 'token', times: 1, delayMs: 700 });
    expect(await refresh(a, first)).toBe('upstream_timeout');
    expect(countRequests() - before).toBe(1);
  });

  it('treats null and other values of a store as no value', async () => {
    const store = {
      get: () => Promise.resolve(null),
      set: () => Promise.resolve(),
      add: () => Promise.resolve(true),
      remove: () => Promise.resolve(),
    };
    const client = open({ refreshStore: store as never, storeSecret: SECRET });
    const first = await signIn(client);
    const second = await refresh(client, first);
    expect(await refresh(client, first)).toBe(second);
  });

  it('stores no token in clear text, and reads values of its own secret only, with one warning', async () => {
    const a = await openShared();
    const first = await signIn(a);
    const { tokens } = await a.refresh(first);
    const client = (await CLIENTS['ioredis']?.()) as Redis;
    const keys = await client.keys('*');
    const stored = JSON.stringify([keys, await client.mget(keys)]);
    expect(keys.every((key) => key.startsWith('passport-genauth:genauth-emulator-app:'))).toBe(true);
    for (const token of [first, tokens.refreshToken, tokens.accessToken]) expect(stored).not.toContain(token);
    expect(Math.min(...(await Promise.all(keys.map((key) => client.pttl(key)))))).toBeGreaterThan(0);
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const other = await openShared('ioredis', { storeSecret: 'another-secret-of-the-test-0123456789' });
    expect([await refresh(other, first), await refresh(other, first)]).toEqual(Array(2).fill('refresh_token_refused'));
    expect(emitWarning.mock.calls).toEqual([
      [expect.stringContaining('storeSecret cannot decrypt'), { type: 'GenAuthWarning', code: 'GENAUTH_STORE_SECRET' }],
    ]);
    emitWarning.mockRestore();
    const rotated = await openShared('ioredis', { storeSecret: ['new-secret-of-the-test-0123456789abc', SECRET] });
    expect(await refresh(rotated, first)).toBe(tokens.refreshToken);
  });

  it('does not read a value that was copied to the key of another refresh token', async () => {
    const a = await openShared();
    const [alice, other] = [await signIn(a), await signIn(a)];
    await a.refresh(alice);
    const client = (await CLIENTS['ioredis']?.()) as Redis;
    const [key = ''] = (await client.keys('*result*')).filter((each) => each.includes('refresh-result'));
    const before = await client.keys('*refresh-result*');
    await a.refresh(other);
    const [target = ''] = (await client.keys('*refresh-result*')).filter((each) => !before.includes(each));
    await client.set(target, (await client.get(key)) ?? '');
    expect(await refresh(await openShared(), other)).toBe('refresh_token_refused');
  });

  it.each(['stopped', 'paused'] as const)('refreshes on its own while Redis is %s, with one event', async (state) => {
    const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const events: GenAuthEvents['genauth:store'][] = [];
    const take = (event: unknown): void => void events.push(event as GenAuthEvents['genauth:store']);
    subscribe('genauth:store', take);
    const a = await openShared();
    const first = await signIn(a);
    if (state === 'stopped') await redis().stop();
    else redis().pause();
    const second = await refresh(a, first);
    const third = await refresh(a, second);
    expect([await refresh(a, first), new Set([first, second, third]).size]).toEqual([third, 3]);
    const down = { store: 'refreshStore', kind: 'down', reason: expect.any(String) as string };
    expect(events).toMatchObject([down]);
    expect(emitWarning.mock.calls).toMatchObject([
      [expect.stringMatching(/^genauth: refreshStore is down \(.*Each process refreshes/), {}],
    ]);
    if (state === 'stopped') await redis().start();
    else redis().resume();
    // The pause after a failure has passed.
    now += 5_001;
    let token = third;
    while (events.length === 1) {
      token = await refresh(a, token);
      now += 5_001;
    }
    expect(events).toMatchObject([down, { kind: 'up', reason: undefined }]);
    unsubscribe('genauth:store', take);
    emitWarning.mockRestore();
  });

  it('waits for the process with the lock, and answers 503 if it takes too long', async () => {
    const a = await openShared('ioredis', { timeout: 1000 });
    const b = await openShared('ioredis', { timeout: 300 });
    const first = await signIn(a);
    emulator().fault({ endpoint: 'token', times: 1, delayMs: 600 });
    const refreshing = refresh(a, first);
    expect([await refresh(b, first), await refreshing]).toEqual(['upstream_timeout', expect.stringMatching(/.{20}/)]);
    expect(await refresh(b, first)).toBe(await refreshing);
  });

  it('releases the lock after a failed refresh, and takes the lock of an ended process when it expires', async () => {
    const a = await openShared();
    const first = await signIn(a);
    const client = (await CLIENTS['ioredis']?.()) as Redis;
    emulator().fault({ endpoint: 'token', times: 1, status: 500 });
    expect(await refresh(a, first)).toBe('upstream_unavailable');
    expect(await client.keys('*refresh-lock*')).toEqual([]);
    const lock = `passport-genauth:${emulator().appId}:refresh-lock:${digestToken(first)}`;
    await client.set(lock, 'another process', 'PX', 200);
    const second = await refresh(a, first);
    expect([second, await client.exists(lock)]).toEqual([expect.stringMatching(/.{20}/), 0]);
    await client.set(lock, 'another process');
    expect([await refresh(a, second), await client.get(lock)]).toEqual([
      expect.stringMatching(/.{20}/),
      'another process',
    ]);
  });
});

it.each([
  [{ refreshStore: {} }, /refreshStore is an object without get, set, add, remove/],
  [{ refreshStore: new RedisRefreshStore({ call: () => Promise.resolve(null) }) }, /storeSecret is missing/],
  [{ storeSecret: SECRET }, /storeSecret is set without refreshStore/],
  [
    { refreshStore: new RedisRefreshStore({ call: () => Promise.resolve(null) }), storeSecret: 'canary-short' },
    /storeSecret has 12 characters, but 32 are required/,
  ],
  [{ refreshGrace: 300_001 }, /refreshGrace/],
])('refuses the options %j', (options, message) => {
  const create = (): unknown => open(options as Partial<GenAuthOptions>);
  expect(create).toThrow(message);
  expect(create).not.toThrow(/canary/);
});

it('spends no refresh token while the library that encrypts new tokens cannot be loaded', async () => {
  const store: RefreshStore = {
    get: async () => undefined,
    set: async () => {},
    add: async () => true,
    remove: async () => {},
  };
  const guard = guardStore({ appId: 'app', name: 'test', store: 'refreshStore', effect: '' }, () => now);
  const loadBox = async (): Promise<SealedBox> => {
    throw new Error('EMFILE');
  };
  const request = jest.fn(async () => ({}) as UnverifiedTokens);
  const settings = { store, guard, loadBox, onUnreadable: () => {}, appId: 'app', timeout: 1000, now: () => now };
  const shared = new SharedRefreshes(settings);
  await expect(shared.refresh('token', request)).rejects.toThrow('EMFILE');
  expect(request).not.toHaveBeenCalled();
});

it('refuses a value that is no Redis client', () => {
  expect(() => new RedisRefreshStore({} as RedisClient)).toThrow(
    'RedisRefreshStore got no Redis client: pass a client',
  );
});
