import passport, { type Strategy } from 'passport';
import {
  type GenAuthOptions,
  GenAuthAdStrategy,
  GenAuthBearerStrategy,
  GenAuthClient,
  GenAuthPasswordStrategy,
  signInHandler,
} from '../../src/index.js';
import { admitEverybody, subjectOf } from '../support/admission.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { type LoginAppSettings, createLoginApp } from '../support/login-app.js';
import { rejection } from '../support/rejection.js';
import { type WebAnswer, ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const people = useIssuer();
const staff = useIssuer();
const serve = useWebServer();

/** A set of the three strategies over one client. */
function buildSet(options: GenAuthOptions): Strategy[] {
  const client = new GenAuthClient(options);
  return [new GenAuthPasswordStrategy(client), new GenAuthAdStrategy(client), new GenAuthBearerStrategy(client)];
}

it.each([
  [undefined, ['genauth-password', 'genauth-ad', 'genauth-bearer']],
  ['genauth', ['genauth-password', 'genauth-ad', 'genauth-bearer']],
  ['staff', ['staff-password', 'staff-ad', 'staff-bearer']],
  ['Staff_2-b', ['Staff_2-b-password', 'Staff_2-b-ad', 'Staff_2-b-bearer']],
  ['constructor', ['constructor-password', 'constructor-ad', 'constructor-bearer']],
])('the option name %s: strategies %j', (name, expected) => {
  expect(buildSet({ ...people().clientOptions, name }).map((strategy) => strategy.name)).toEqual(expected);
});

describe.each(EXPRESS_VERSIONS)('two sets in one Passport instance on %s', (_version, express) => {
  const OTHER_APP = '65f0c1d2e3a4b5c6d7e8f999';
  const start = (name: string, authenticate?: LoginAppSettings['authenticate']): Promise<string> => {
    const other = { ...staff().clientOptions, appId: OTHER_APP, appSecret: 'secret-of-the-staff' };
    const strategies = [
      ...buildSet({ ...people().clientOptions, name: 'people', language: 'en' }),
      ...buildSet({ ...other, name: 'staff', language: 'zh', exposeReasons: true, fields: { account: 'login' } }),
    ];
    const handler: LoginAppSettings['authenticate'] = (_passport, find) => signInHandler(find(name));
    return serve(createLoginApp(express, { strategies, authenticate: authenticate ?? handler }));
  };
  const guard = (name: string) => (made: passport.Authenticator) => made.authenticate(name, { session: false });
  const login = (url: string, json: object): Promise<WebAnswer> => ask(url, { path: '/login', json });

  it('each asks its own GenAuth, with its own app, fields, language and exposeReasons', async () => {
    for (const issuer of [people(), staff()]) issuer.reply(SIGN_IN_PATH, rejection(403, 2005));
    const answers = [
      await login(await start('people-password'), { account: 'alice', password: 'p', login: 'x' }),
      await login(await start('staff-password'), { login: 'alice', password: 'p', account: 'x' }),
    ].map(({ text }) => JSON.parse(text) as object);
    const common = { statusCode: 403, error: 'Forbidden', code: 'account_locked', requestId: 'request-1' };
    expect(answers).toEqual([
      { ...common, message: 'The account or the password is wrong.' },
      { ...common, message: '您的账号已被锁定。', apiCode: 2005 },
    ]);
    for (const [issuer, id, secret] of [
      [people(), people().clientOptions.appId, people().clientOptions.appSecret],
      [staff(), OTHER_APP, 'secret-of-the-staff'],
    ] as const) {
      expect(issuer.requests.map(({ body }) => JSON.parse(body) as object)).toMatchObject([
        { passwordPayload: { account: 'alice', password: 'p' }, client_id: id, client_secret: secret },
      ]);
    }
  });

  it('a token of one app does not open the other, neither of another GenAuth nor of the same', async () => {
    const tokens = {
      people: people().sign(people().accessTokenClaims()),
      staff: staff().sign(staff().accessTokenClaims({ aud: OTHER_APP })),
      // The staff's GenAuth, but for the app with the people's id.
      foreign: staff().sign(staff().accessTokenClaims()),
    };
    const statuses: Record<string, number[]> = {};
    for (const name of ['people-bearer', 'staff-bearer']) {
      const url = await start(name, guard(name));
      for (const token of Object.values(tokens)) {
        const { status } = await ask(url, { path: '/login', headers: { authorization: `Bearer ${token}` } });
        (statuses[name] ??= []).push(status);
      }
    }
    expect(statuses).toEqual({ 'people-bearer': [200, 401, 401], 'staff-bearer': [401, 200, 401] });
  });

  it('100 logins of both at once: everybody gets themselves, from their own GenAuth', async () => {
    for (const issuer of [people(), staff()]) admitEverybody(issuer);
    const urls = [await start('people-password'), await start('staff-password')];
    const answers = await Promise.all(
      Array.from({ length: 100 }, async (_, i) => {
        const field = i % 2 === 0 ? 'account' : 'login';
        const { text } = await login(urls[i % 2] ?? '', { [field]: `person-${i}`, password: 'p' });
        return (JSON.parse(text) as { user?: { sub: string } }).user?.sub;
      }),
    );
    const issuers = [people, staff];
    expect(answers).toEqual(
      Array.from({ length: 100 }, (_, i) => subjectOf(`person-${i}`, (issuers[i % 2] ?? staff)())),
    );
  });
});

describe('signInHandler with a strategy that is not ours', () => {
  const [, express] = EXPRESS_VERSIONS.at(-1)!;
  type Act = (own: passport.StrategyCreatedStatic) => void;
  /** Does what it is told to. */
  const buildForeign = (act: Act): Strategy => {
    const authenticate = function (this: passport.StrategyCreatedStatic): void {
      act(this);
    };
    return Object.assign(new passport.Strategy(), { name: 'foreign', authenticate }) as Strategy;
  };
  const run = async (act: Act, name = 'foreign'): Promise<[number, unknown]> => {
    passport.use(buildForeign(act));
    const url = await serve(createLoginApp(express, { strategies: [], authenticate: () => signInHandler(name) }));
    const { status, text } = await ask(url, { path: '/login', json: { account: 'alice', password: 'p' } });
    passport.unuse('foreign');
    return [status, JSON.parse(text) as unknown];
  };

  const NOT_OURS = { name: 'ConfigurationError', code: 'invalid_options' };

  it.each<[string, Act, number, object]>([
    ['lets in', (own) => own.success({ id: 1 }, { a: 1 }), 500, { thrown: NOT_OURS }],
    ['refuses', (own) => own.fail('no', 401), 500, { thrown: NOT_OURS }],
    ['refuses without a word', (own) => own.fail(401), 500, { thrown: NOT_OURS }],
    ['reports an error', (own) => own.error(new RangeError('x')), 500, { thrown: { name: 'RangeError' } }],
    [
      'throws',
      () => {
        throw new RangeError('x');
      },
      500,
      { thrown: { name: 'RangeError' } },
    ],
  ])('%s: nobody passes without a user, and the developer is told', async (_name, act, status, body) => {
    expect(await run(act)).toEqual([status, body]);
  });

  it('a name that nobody registered: the developer is told', async () => {
    expect(await run((own) => own.success({ id: 1 }), 'staff-password')).toEqual([500, { thrown: { name: 'Error' } }]);
  });
});
