import { GenAuthClient, GenAuthPasswordStrategy, type SignInInfo, signInHandler } from '../../src/index.js';
import { useEmulator } from '../emulator/support.js';
import { until } from '../support/promise.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { createLoginApp } from '../support/login-app.js';
import { ask, useWebServer } from '../support/web-server.js';

const PEOPLE = 500;
const username = (i: number): string => `user-${i}`;

/** The claims of a token that the emulator has just signed. */
function readClaims(token: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>;
}

failOnUnhandledRejections();
const emulator = useEmulator({
  users: Array.from({ length: PEOPLE }, (_, i) => ({ username: username(i), password: `password-${i}` })),
});
const serve = useWebServer();

describe.each(EXPRESS_VERSIONS)('many at once on %s', (_version, express) => {
  it('500 people who log in through one strategy each get themselves, their tokens, or their refusal', async () => {
    const options = { ...emulator().clientOptions, scope: 'openid username' } as const;
    const url = await serve(
      createLoginApp(express, {
        strategies: [
          new GenAuthPasswordStrategy(options, (req, user, info, done) => {
            const { account: sent } = req.body as { account: string };
            // Answers come back in another order than requests went out.
            setTimeout(() => done(null, { ...user, sent }, info), (Number(sent.slice('user-'.length)) * 7) % 20);
          }),
        ],
      }),
    );
    // Every fifth has the password of the next.
    const attempts = Array.from({ length: PEOPLE }, async (_, i) => {
      const json = { account: username(i), password: `password-${i % 5 === 4 ? i + 1 : i}` };
      return ask(url, { path: '/login', json });
    });
    const answers = await Promise.all(attempts);
    const subjects = new Set<unknown>();
    for (const [i, { status, text }] of answers.entries()) {
      expect([i, status]).toEqual([i, i % 5 === 4 ? 401 : 200]);
      if (status !== 200) continue;
      const { user, authInfo } = JSON.parse(text) as { user: Record<string, string>; authInfo: SignInInfo };
      expect(user).toMatchObject({ username: username(i), sent: username(i) });
      const { tokens, claims } = authInfo;
      expect(claims).toMatchObject({ username: username(i), sub: user['sub'] });
      expect(readClaims(tokens.idToken)).toMatchObject({ username: username(i), sub: user['sub'] });
      expect(readClaims(tokens.accessToken)).toMatchObject({ sub: user['sub'] });
      subjects.add(user['sub']);
    }
    expect(subjects.size).toBe((PEOPLE / 5) * 4);
    expect(emulator().requests('signin')).toBe(PEOPLE);
    expect(emulator().requests('jwks')).toBe(1);
    // The emulator hashes 500 passwords, and the machine may be busy.
  }, 30_000);

  it('two strategies in one process never serve each other', async () => {
    const wrong = { ...emulator().clientOptions, appSecret: 'another-secret' };
    const [right, other] = await Promise.all(
      [emulator().clientOptions, wrong].map((options) =>
        serve(createLoginApp(express, { strategies: [new GenAuthPasswordStrategy(options)] })),
      ),
    );
    const json = { account: username(1), password: 'password-1' };
    const statuses = await Promise.all(
      Array.from(
        { length: 50 },
        async (_, i) => (await ask((i % 2 === 0 ? right : other) ?? '', { path: '/login', json })).status,
      ),
    );
    expect(statuses).toEqual(Array.from({ length: 50 }, (_, i) => (i % 2 === 0 ? 200 : 500)));
  });

  it.each(['Passport', 'signInHandler'])('a client that hangs up in the middle hurts nobody: %s', async (way) => {
    const settled: unknown[] = [];
    const client = new GenAuthClient(emulator().clientOptions);
    const strategy = new GenAuthPasswordStrategy(client);
    const attempt = strategy.attempt.bind(strategy);
    strategy.attempt = async (req) => {
      const result = await attempt(req);
      settled.push(result.kind);
      return result;
    };
    const url = await serve(
      createLoginApp(express, {
        strategies: [strategy],
        ...(way === 'Passport' ? {} : { authenticate: (_passport, find) => signInHandler(find('genauth-password')) }),
      }),
    );
    const bodies = [
      { account: username(1), password: 'password-1' },
      { account: username(1), password: 'wrong' },
    ];
    emulator().fault({ endpoint: 'signin', delayMs: 30, times: 2 });
    const gone = new AbortController();
    const requests = bodies.map((json) => ask(url, { path: '/login', json, signal: gone.signal }));
    await until(() => emulator().requests('signin') === 2);
    gone.abort();
    for (const request of requests) await expect(request).rejects.toThrow('aborted');
    await until(() => settled.length === 2);
    const later = await Promise.all(bodies.map(async (json) => (await ask(url, { path: '/login', json })).status));
    expect(later).toEqual([200, 401]);
    expect(settled.filter((kind) => kind === 'success')).toHaveLength(2);
    expect(settled).toHaveLength(4);
  });
});
