import { inspect } from 'node:util';
import { jest } from '@jest/globals';
import type { ErrorRequestHandler, Request, Response } from 'express';
import passport from 'passport';
import {
  GenAuthAdStrategy,
  GenAuthBearerStrategy,
  type GenAuthOptions,
  GenAuthPasswordStrategy,
  genAuthErrorHandler,
  requireAuth,
  signInHandler,
} from '../../src/index.js';
import {
  APP_SECRET,
  BROKEN,
  EVERYTHING,
  FORGERIES,
  PASSWORD,
  REFRESH_TOKEN,
  SECRETS,
  type Tokens,
  WRONG_BODIES,
  accessClaims,
  answerSignIn,
  echoSignIn,
  exchange,
  findCanaries,
  idClaims,
  makeTokens,
  statusOf,
  useEar,
  withoutStepToken,
} from '../support/canary.js';
import { useClients } from '../support/client.js';
import { EXPRESS_VERSIONS, type ExpressFactory } from '../support/express-version.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { APP_ID, JWKS_PATH, SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { NETWORK_FAULTS } from '../support/network-fault.js';
import { ROOT, startNode } from '../support/process.js';
import { ANSWER_ROWS } from '../support/sign-in-answer.js';
import { useTcpServers } from '../support/tcp-server.js';
import { useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const ear = useEar();
const issuer = useIssuer();
const open = useClients(issuer);
const serve = useWebServer();
const serveTcp = useTcpServers();

const ALICE = { account: 'alice', password: PASSWORD };
const [, express5] = EXPRESS_VERSIONS.at(-1)!;
/** What the application's own error handlers get to see. */
const thrown: unknown[] = [];
let hours = 0;
beforeEach(() => {
  thrown.length = 0;
  // An hour passes between two tests: our handlers warn of each fault once a minute, and every test is to hear its own.
  const now = performance.now.bind(performance);
  hours += 1;
  jest.spyOn(performance, 'now').mockImplementation(() => now() + hours * 3600e3);
});

/**
 * Logins by our handler and by Passport alone, guarded routes by both, and behind them Express's own error page as developers have
 * it: it shows the stack, and logs it.
 */
function serveApp(express: ExpressFactory, options: Partial<GenAuthOptions> = {}): Promise<string> {
  const client = open({ appSecret: APP_SECRET, ...options });
  const own = new passport.Passport();
  const [password, ad] = [new GenAuthPasswordStrategy(client), new GenAuthAdStrategy(client)];
  for (const strategy of [password, ad, new GenAuthBearerStrategy(client)]) own.use(strategy);
  const answer = (req: Request, res: Response): void => void res.json({ user: req.user });
  const app = express();
  app.set('env', 'development');
  app.use(express.json(), genAuthErrorHandler(client));
  app.post('/password', signInHandler(password), answer);
  app.post('/ad', signInHandler(ad), answer);
  app.post('/bare', own.authenticate('genauth-password', { session: false }), answer);
  app.post('/me', requireAuth(client), answer);
  app.post('/bare/me', own.authenticate('genauth-bearer', { session: false }), answer);
  app.use(((error, _req, _res, next) => {
    thrown.push(error);
    next(error);
  }) satisfies ErrorRequestHandler);
  return serve(app);
}

/** No secret is in the answers, in what was thrown, nor in anything that could be heard. The answers' statuses. */
async function expectNothingToldBy(answers: string[], tokens: Partial<Tokens> = {}): Promise<number[]> {
  const told = [answers.map(withoutStepToken), thrown, await ear.listen()];
  expect(findCanaries(told, { ...SECRETS, ...tokens })).toEqual([]);
  return answers.map(statusOf);
}

describe.each(EXPRESS_VERSIONS)('%s', (_version, express) => {
  /** One login by each way. */
  const login = async (url: string, body: unknown = ALICE): Promise<string[]> => [
    await exchange(url, '/password', body),
    await exchange(url, '/bare', body),
  ];

  it.each(ANSWER_ROWS.map((row) => [row.title, row] as const))('GenAuth answers %s', async (_title, row) => {
    const tokens = echoSignIn(issuer(), row.statusCode, row.apiCode);
    const url = await serveApp(express, { exposeReasons: true });
    const [status, bare] = await expectNothingToldBy(await login(url), tokens);
    expect(status).toBeGreaterThanOrEqual(400);
    expect([bare, findCanaries(issuer().requests)]).toEqual([status, ['password', 'appSecret']]);
  });

  it.each(NETWORK_FAULTS.map((fault) => [fault.title, fault] as const))('%s', async (_title, { arrange, code }) => {
    const options = await arrange(serveTcp);
    const status = code === 'upstream_invalid_response' ? 502 : 503;
    // One client each: these servers answer all of a connection at once.
    const answers = [await exchange(await serveApp(express, options), '/password', ALICE)];
    answers.push(await exchange(await serveApp(express, options), '/bare', ALICE));
    expect(await expectNothingToldBy(answers)).toEqual([status, status]);
    // Passport alone hands the fault to the application; our handler warns the operator.
    expect([thrown, ear.warnings]).toEqual([[expect.objectContaining({ code })], [expect.any(Object)]]);
  });

  it.each(FORGERIES)('the tokens are %s', async (_flaw, forge) => {
    const accessToken = forge(issuer(), accessClaims(issuer()));
    const idToken = forge(issuer(), idClaims(issuer()));
    answerSignIn(issuer(), { ...makeTokens(issuer()), idToken });
    const url = await serveApp(express);
    const headers = { authorization: `Bearer ${accessToken}` };
    const me = [await exchange(url, '/me', {}, headers), await exchange(url, '/bare/me', {}, headers)];
    const statuses = await expectNothingToldBy([...(await login(url)), ...me], { accessToken, idToken });
    expect(statuses).toEqual([502, 502, 401, 401]);
  });

  it.each([
    ...BROKEN.map(([name, reply, code]) => [`the key set is ${name}`, JWKS_PATH, reply, code] as const),
    ...BROKEN.map(
      ([name, reply, code]) => [`the key for passwords is ${name}`, '/api/v3/system', reply, code] as const,
    ),
  ])('%s', async (_name, path, reply, code) => {
    const tokens = makeTokens(issuer());
    answerSignIn(issuer(), tokens);
    issuer().reply(path, reply);
    const url = await serveApp(express, { passwordEncryptType: path === JWKS_PATH ? 'none' : 'rsa' });
    const status = code === 'upstream_invalid_response' ? 502 : 503;
    expect(await expectNothingToldBy(await login(url), tokens)).toEqual([status, status]);
  });

  it.each<[string, Partial<GenAuthOptions>]>([
    ['in the body', {}],
    ['in the header', { tokenEndpointAuthMethod: 'client_secret_basic' }],
    ['of a function', { appSecret: () => APP_SECRET }],
  ])('the app’s secret is refused, %s', async (_name, options) => {
    const tokens = echoSignIn(issuer(), 401);
    expect(await expectNothingToldBy(await login(await serveApp(express, options)), tokens)).toEqual([500, 500]);
  });

  it.each([
    ['a text', JSON.stringify(PASSWORD)],
    ['JSON that cannot be read', `{"account":"alice","password":${PASSWORD}}`],
    ['JSON that ends early', `{"account":"alice","password":${JSON.stringify(PASSWORD)}`],
    ...WRONG_BODIES,
    ['an endless body', { account: 'alice', password: PASSWORD.repeat(9999) }],
  ] as const)('the body is or has %s', async (_name, body) => {
    const url = await serveApp(express);
    const answers = [...(await login(url, body)), await exchange(url, '/ad', body)];
    for (const status of await expectNothingToldBy(answers)) expect([400, 413]).toContain(status);
    expect(issuer().count()).toBe(0);
  });
});

it('the secret’s function throws an error that tells it: no answer and no event has it', async () => {
  const appSecret = (): string => {
    throw new Error(`vault: ${APP_SECRET}`);
  };
  const answer = await exchange(await serveApp(express5, { appSecret }), '/password', ALICE);
  expect([statusOf(answer), findCanaries([answer, ear.events])]).toEqual([500, []]);
});

it('GenAuth’s own words are the secrets: no answer of ours passes them on', async () => {
  const url = await serveApp(express5, { exposeReasons: true });
  for (const { title, statusCode, apiCode } of ANSWER_ROWS) {
    echoSignIn(issuer(), statusCode, apiCode, { message: EVERYTHING });
    expect([title, findCanaries(withoutStepToken(await exchange(url, '/password', ALICE)))]).toEqual([title, []]);
  }
});

it('the sample in a process of its own writes no secret to its output', async () => {
  const env = { GENAUTH_APP_ID: APP_ID, GENAUTH_APP_SECRET: APP_SECRET, GENAUTH_APP_HOST: issuer().url, PORT: '0' };
  const sample = startNode([`${ROOT}/dist-sample/express.js`], { ...env, NODE_ENV: 'development' });
  try {
    const url = await sample.line(/^Sample app \(\w+\) listening on (http:\S+)$/);
    const answers: string[] = [];
    for (const { statusCode, apiCode } of ANSWER_ROWS) {
      echoSignIn(issuer(), statusCode, apiCode);
      answers.push(withoutStepToken(await exchange(url, '/auth/login', ALICE)));
    }
    for (const [, forge] of FORGERIES) {
      answerSignIn(issuer(), { ...makeTokens(issuer()), idToken: forge(issuer(), idClaims(issuer())) });
      answers.push(await exchange(url, '/auth/login', ALICE));
    }
    for (const [, reply] of BROKEN) {
      issuer().reply('/oidc/token', reply);
      answers.push(await exchange(url, '/auth/refresh', { refreshToken: REFRESH_TOKEN }));
    }
    issuer().reply(SIGN_IN_PATH, { reset: true });
    answers.push(await exchange(url, '/auth/login', ALICE));
    expect(new Set(answers.map(statusOf))).toEqual(new Set([401, 403, 429, 500, 502, 503]));
    expect(findCanaries(answers)).toEqual([]);
  } finally {
    await sample.stop();
  }
  expect(sample.output()).toContain('GENAUTH_UPSTREAM_UNREACHABLE');
  expect(findCanaries(sample.output())).toEqual([]);
}, 30_000);

describe('the search finds', () => {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const withMember = (name: PropertyKey, descriptor: PropertyDescriptor): Error =>
    Object.defineProperty(new Error('x'), name, descriptor);
  class Getter extends Error {
    get data(): string {
      return PASSWORD;
    }
  }
  it.each<[string, unknown]>([
    ['the password itself', PASSWORD],
    ['the message', new Error(`wrong: ${PASSWORD}`)],
    ['the cause of a cause', new Error('x', { cause: new Error('y', { cause: { config: { data: PASSWORD } } }) })],
    ['one of several errors', new AggregateError([new Error('x'), new Error(PASSWORD)])],
    ['a symbol property', withMember(Symbol('kept'), { value: PASSWORD })],
    ['a hidden property', withMember('request', { value: { body: PASSWORD } })],
    ['a getter', new Getter()],
    ['the stack alone', withMember('stack', { value: `Error\n    at ${PASSWORD}` })],
    ['what JSON is made of', { toJSON: () => ({ PASSWORD }) }],
    ['a map', new Error('x', { cause: new Map([['a', new Set([PASSWORD])]]) })],
    ['bytes', { body: Buffer.from(`{"password":${JSON.stringify(PASSWORD)}}`) }],
    ['a property of a function', { run: Object.assign(() => 0, { PASSWORD }) }],
    ['a name', { [PASSWORD]: 1 }],
    ['a list in a list', [[[[[{ a: [PASSWORD] }]]]]]],
    ['JSON', JSON.stringify({ PASSWORD })],
    ['JSON in JSON', JSON.stringify({ body: JSON.stringify({ PASSWORD }) })],
    ['Node’s own view', inspect({ body: { PASSWORD } })],
    ['an address', `https://a.example/?p=${encodeURIComponent(PASSWORD)}`],
    ['a form', new URLSearchParams({ PASSWORD }).toString()],
    ['JSON in an address', `https://a.example/?${encodeURIComponent(JSON.stringify({ PASSWORD }))}`],
    ['JSON in base64', base64(JSON.stringify({ a: 'alice', PASSWORD }))],
    ['HTML', `<pre>${PASSWORD.replace('&', '&amp;').replace('"', '&quot;').replace('<', '&lt;')}</pre>`],
    ['hexadecimal digits', Buffer.from(PASSWORD).toString('hex')],
    ...['', 'a', 'ab', 'alice:'].map((user): [string, string] => [`Basic of "${user}"`, base64(`${user}${PASSWORD}`)]),
    ['base64 that goes on', base64(`{"a":"${PASSWORD}","b":"c"}`)],
    ...['', 'a', 'ab'].map((before): [string, string] => {
      return [`base64url after "${before}"`, `.${Buffer.from(`${before}${PASSWORD}b`).toString('base64url')}.`];
    }),
  ])('%s', (_place, value) => {
    expect(findCanaries(value)).toEqual(['password']);
  });

  it.each([
    ['whole', (token: string) => token],
    ['cut at its end', (token: string) => `${token.slice(0, -30)}…`],
    ['its end', (token: string) => token.slice(-30)],
    ['its payload', (token: string) => token.split('.')[1] ?? ''],
  ])('a token, %s', (_part, cut) => {
    const idToken = issuer().sign(issuer().idTokenClaims());
    expect(findCanaries(new Error(cut(idToken)), { idToken })).toEqual(['idToken']);
  });

  it('what was heard', async () => {
    console.error('log: %s', PASSWORD);
    process.stderr.write(`${EVERYTHING} GenAuthWarning\n`);
    expect(findCanaries(await ear.listen())).toEqual(Object.keys(SECRETS));
  });
});
