import type { SignInStrategy } from '../../src/index.js';
import { type GenAuthOptions, GenAuthAdStrategy, GenAuthPasswordStrategy, signInHandler } from '../../src/index.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { type Reply, SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { createLoginApp } from '../support/login-app.js';
import { CODES, KINDS, rejection } from '../support/rejection.js';
import { ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const issuer = useIssuer();
const serve = useWebServer();

/** What must not tell one cause from another: everything that GenAuth may say beside the code. */
const DATA = [{}, { remainCount: 0 }, { remainCount: 4, mfaToken: 'm', token: 't', user: { id: 1 } }];
const MESSAGES = ['', 'User not exists.', 'Password is incorrect.', '账号不存在'];

describe.each(EXPRESS_VERSIONS)('on %s', (_version, express) => {
  const start = async (options: Partial<GenAuthOptions>, kind: string): Promise<string> => {
    const all = { ...issuer().clientOptions, ...options };
    const strategies = [new GenAuthPasswordStrategy(all), new GenAuthAdStrategy(all)];
    const authenticate = (_passport: unknown, find: (name: string) => SignInStrategy): unknown =>
      signInHandler(find(`genauth-${kind}`));
    return serve(createLoginApp(express, { strategies, authenticate }));
  };
  /** The whole answer as text, but for the moment at which it was given. */
  const login = async (url: string, kind: string, reply: Reply, acceptLanguage = 'en'): Promise<string> => {
    issuer().reply(SIGN_IN_PATH, reply);
    const json = kind === 'ad' ? { sAMAccountName: 'alice', password: 'p' } : { account: 'alice', password: 'p' };
    const answer = await ask(url, { path: '/login', json, headers: { 'accept-language': acceptLanguage } });
    const { date: _, ...headers } = answer.headers;
    return JSON.stringify([answer.status, headers, answer.text]);
  };

  describe.each(['password', 'ad'])('of %s', (kind) => {
    it.each(['invalid_credentials', 'account_locked', 'access_denied'] as const)(
      'exposeReasons off: %s has one answer, byte for byte, whatever GenAuth says',
      async (rejected) => {
        for (const options of [{}, { exposeReasons: false }]) {
          const url = await start(options, kind);
          for (const language of ['en', 'zh']) {
            const answers = new Set<string>();
            for (const [statusCode, apiCode] of CODES[rejected]) {
              for (const [i, data] of DATA.entries()) {
                answers.add(await login(url, kind, rejection(statusCode, apiCode, data, MESSAGES[i]), language));
              }
            }
            expect([...answers]).toHaveLength(1);
            expect([...answers][0]).toContain(
              language === 'zh' ? '账号或密码错误。' : 'The account or the password is wrong.',
            );
          }
        }
      },
    );

    it('exposeReasons off: HTTP status, Retry-After and the form of the code tell nothing either', async () => {
      const url = await start({}, kind);
      const body = { statusCode: 403, message: '', requestId: 'request-1' };
      const replies: Reply[] = [
        { body: { ...body, apiCode: 2333 } },
        { body: { ...body, apiCode: '2333' } },
        { body: { ...body, code: 2333 } },
        { body: { ...body, apiCode: 2004, data: null } },
        { status: 403, body: { ...body, apiCode: 2006 } },
        { status: 404, body: { ...body, statusCode: 404, apiCode: 2004 }, headers: { 'retry-after': '7' } },
      ];
      const answers = new Set<string>();
      for (const reply of replies) answers.add(await login(url, kind, reply));
      expect([...answers]).toHaveLength(1);
    });

    it.each(KINDS)(
      '%s: apiCode and remainingAttempts are there with exposeReasons, and not without',
      async (rejected) => {
        for (const exposeReasons of [true, false]) {
          const url = await start({ exposeReasons }, kind);
          for (const [statusCode, apiCode] of CODES[rejected]) {
            const [, , text] = JSON.parse(
              await login(url, kind, rejection(statusCode, apiCode, { remainCount: 0 })),
            ) as [number, object, string];
            const { apiCode: shown, remainingAttempts } = JSON.parse(text) as Record<string, unknown>;
            const counts = exposeReasons && rejected === 'invalid_credentials';
            expect([shown, remainingAttempts]).toEqual([
              exposeReasons && apiCode !== undefined ? Number(apiCode) : undefined,
              counts ? 0 : undefined,
            ]);
            expect(text.includes('remainCount')).toBe(false);
          }
        }
      },
    );
  });

  it('exposeReasons on: locked and not allowed say so, in both languages', async () => {
    const url = await start({ exposeReasons: true }, 'password');
    for (const [apiCode, language, message] of [
      [2005, 'en', 'Your account is locked.'],
      [2005, 'zh', '您的账号已被锁定。'],
      [2042, 'en', 'Your account is not allowed to sign in here.'],
      [2042, 'zh', '您的账号无权在此登录。'],
      [2333, 'en', 'The account or the password is wrong.'],
      [2004, 'zh', '账号或密码错误。'],
    ] as const) {
      expect(await login(url, 'password', rejection(403, apiCode), language)).toContain(message);
    }
  });

  it('the option language answers every request alike', async () => {
    for (const [language, message] of [
      ['zh', '请先完成二次验证，然后再登录。'],
      ['en', 'A second verification step is required to sign in.'],
    ] as const) {
      const url = await start({ language }, 'password');
      const answers = new Set<string>();
      for (const header of ['zh-CN', 'en', '', 'de', '*']) {
        answers.add(await login(url, 'password', rejection(301, 1636), header));
      }
      expect([...answers]).toHaveLength(1);
      expect([...answers][0]).toContain(message);
    }
  });
});

it('bare Passport answers no more than the status, with and without exposeReasons', async () => {
  const [, express] = EXPRESS_VERSIONS.at(-1)!;
  for (const exposeReasons of [true, false]) {
    const strategies = [new GenAuthPasswordStrategy({ ...issuer().clientOptions, exposeReasons })];
    const url = await serve(createLoginApp(express, { strategies }));
    for (const kind of KINDS) {
      for (const [statusCode, apiCode] of CODES[kind]) {
        issuer().reply(SIGN_IN_PATH, rejection(statusCode, apiCode, { mfaToken: 'm', token: 't', remainCount: 3 }));
        const { text, headers } = await ask(url, { path: '/login', json: { account: 'a', password: 'p' } });
        const expected = { invalid_credentials: 'Unauthorized', rate_limited: 'Too Many Requests' };
        expect([kind, text]).toEqual([kind, expected[kind as keyof typeof expected] ?? 'Forbidden']);
        expect(headers['www-authenticate']).toBeUndefined();
      }
    }
  }
});
