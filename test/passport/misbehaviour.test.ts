import { runInNewContext } from 'node:vm';
import { type GenAuthOptions, GenAuthPasswordStrategy, type VerifyFunction, signInHandler } from '../../src/index.js';
import { useEmulator } from '../emulator/support.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import { hostProcess, listWarnings } from '../support/host-process.js';
import { createLoginApp, type LoginAppSettings } from '../support/login-app.js';
import { ask, useWebServer } from '../support/web-server.js';

// Functions and middleware of an application that do what they should not: nobody gets in by it, and nothing dies of it.
const warnings = listWarnings();
const emulator = useEmulator({
  users: Array.from({ length: 20 }, (_, i) => ({ username: `user-${i}`, password: 'p' })),
});
const serve = useWebServer();
const USER = { account: 'user-1', password: 'p' };
const viaHandler: LoginAppSettings['authenticate'] = (_passport, find) => signInHandler(find('genauth-password'));

describe.each(EXPRESS_VERSIONS)('%s', (_v, express) => {
  it('a strategy that is given to authenticate itself never answers one person with another', async () => {
    const strategy = new GenAuthPasswordStrategy({ ...emulator().clientOptions, scope: 'openid username' });
    const url = await serve(
      createLoginApp(express, {
        strategies: [],
        authenticate: (made) => made.authenticate(strategy, { session: false }),
      }),
    );
    const names = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const json = { account: `user-${i}`, password: 'p' };
        const answer = await ask(url, { path: '/login', json, signal: AbortSignal.timeout(2000) }).catch(
          () => undefined,
        );
        return answer && (JSON.parse(answer.text) as { user: { username: string } }).user.username;
      }),
    );
    expect(names).toEqual(Array.from({ length: 20 }, (_, i) => `user-${i}`));
  });
  const nothing = (): never => {
    throw undefined;
  };
  it.each<[string, Partial<GenAuthOptions>, VerifyFunction | (() => unknown) | undefined, number]>([
    // As passport-custom and every other strategy read it: no error.
    ['done(false, user)', {}, (_q, user, _i, done) => done(false, user as object), 200],
    ["done('')", {}, (_q, _u, _i, done) => done(''), 403],
    ['done(0, false)', {}, (_q, _u, _i, done) => done(0, false), 403],
    ['verify rejects with nothing', {}, () => Promise.reject(), 500],
    ['verify throws nothing', {}, nothing, 500],
    ['clientIp throws nothing', { clientIp: nothing }, undefined, 500],
  ])('%s: nobody passes without a user', async (_name, options, verify, status) => {
    const strategies = [new GenAuthPasswordStrategy({ ...emulator().clientOptions, ...options }, verify as never)];
    const url = await serve(createLoginApp(express, { strategies }));
    const answer = await ask(url, { path: '/login', json: USER });
    expect(answer.text).not.toBe('{}');
    expect(answer.status).toBe(status);
  });
  it('signInHandler keeps still where somebody else has answered already', async () => {
    const reasons: unknown[] = [];
    const listen = (reason: unknown): number => reasons.push(reason);
    hostProcess.on('unhandledRejection', listen);
    const strategy = new GenAuthPasswordStrategy(emulator().clientOptions);
    const url = await serve(
      createLoginApp(express, {
        strategies: [strategy],
        // As any time-out middleware does.
        prepare: (app) =>
          app.use((_req, res, next) => {
            next();
            res.status(503).end('late');
          }),
        authenticate: viaHandler,
      }),
    );
    let settled = (): void => {};
    const done = new Promise<void>((resolve) => (settled = resolve));
    const attempt = strategy.attempt.bind(strategy);
    strategy.attempt = (req) => attempt(req).finally(settled);
    expect((await ask(url, { path: '/login', json: { ...USER, password: 'wrong' } })).status).toBe(503);
    await done;
    await new Promise((resolve) => setImmediate(resolve));
    hostProcess.off('unhandledRejection', listen);
    expect(reasons).toEqual([]);
  });
});

const [, express] = EXPRESS_VERSIONS.at(-1)!;
const attempt = (options: object, verify?: unknown) =>
  new GenAuthPasswordStrategy({ ...emulator().clientOptions, ...options }, verify as never).attempt({
    headers: {},
    body: USER,
    ip: '203.0.113.7',
  });
it.each([['a promise of another realm', () => runInNewContext('Promise.reject(new Error("x"))') as unknown]])(
  'a verify that returns %s and rejects is an error, not a request that hangs',
  async (_n, verify) => {
    const quiet = (): void => {};
    hostProcess.on('unhandledRejection', quiet);
    const timeout = new Promise((resolve) => setTimeout(resolve, 300, 'hangs'));
    expect(await Promise.race([attempt({}, verify), timeout])).toMatchObject({ kind: 'error' });
    hostProcess.off('unhandledRejection', quiet);
  },
);
it('an async clientIp is waited for', async () => {
  await attempt({ clientIp: async () => '198.51.100.1' });
  expect(emulator().signIns[0]?.clientIp).toBe('198.51.100.1');
});
it('an async clientIp that rejects does not end the process', async () => {
  const reasons: unknown[] = [];
  const listen = (reason: unknown): number => reasons.push(reason);
  hostProcess.on('unhandledRejection', listen);
  await attempt({ clientIp: () => Promise.reject(new Error('x')) });
  await new Promise((resolve) => setImmediate(resolve));
  hostProcess.off('unhandledRejection', listen);
  expect(reasons).toEqual([]);
});
it.each([
  [
    'what the resolver threw',
    {
      signInOptions: () => {
        throw new Error('the database is down');
      },
    },
    () => {},
    'the database is down',
  ],
  ['why every login is 502', {}, () => emulator().flawIdToken('hs256_public_key'), 'HS256'],
])('signInHandler lets the operator see %s', async (_n, options, prepare, expected) => {
  prepare();
  const url = await serve(
    createLoginApp(express, {
      strategies: [new GenAuthPasswordStrategy({ ...emulator().clientOptions, ...options })],
      authenticate: viaHandler,
    }),
  );
  await ask(url, { path: '/login', json: USER });
  expect(warnings.join('\n')).toContain(expected);
});
it.each([[null], [5], [true], [[]], [() => ({})]])(
  'a signInOptions function that gives %j is a mistake',
  async (made) => {
    expect(await attempt({ signInOptions: () => made })).toMatchObject({ refusal: { status: 500 } });
  },
);
it('a signInOptions function that gives clientIp undefined leaves the address alone', async () => {
  await attempt({ signInOptions: () => ({ clientIp: undefined }) });
  expect(emulator().signIns[0]?.clientIp).toBe('203.0.113.7');
});
