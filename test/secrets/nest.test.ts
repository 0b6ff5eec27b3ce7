import { inspect } from 'node:util';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  HttpCode,
  HttpException,
  type INestApplication,
  Post,
  UseGuards,
} from '@nestjs/common';
import { BaseExceptionFilter, HttpAdapterHost } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { GenAuthEmulator, type GenAuthEmulatorOptions, ID_TOKEN_FLAWS } from '../../src/emulator/index.js';
import type { GenAuthOptions, GenAuthUser } from '../../src/index.js';
import {
  CurrentUser,
  GenAuthAdGuard,
  GenAuthGuard,
  GenAuthModule,
  GenAuthPasswordGuard,
} from '../../src/nest/index.js';
import { control, postSignIn, useEmulator } from '../emulator/support.js';
import {
  APP_SECRET,
  BROKEN,
  EVERYTHING,
  FORGERIES,
  PASSWORD,
  PROXY_USER,
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
import { failOnUnhandledRejections } from '../support/host-process.js';
import { APP_ID, JWKS_PATH, SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { PLATFORMS, type Platform, type RunningApp, startNestApp } from '../support/nest-app.js';
import { NETWORK_FAULTS } from '../support/network-fault.js';
import { ROOT, startNode } from '../support/process.js';
import { catchError } from '../support/promise.js';
import { ANSWER_ROWS } from '../support/sign-in-answer.js';
import { useTcpServers } from '../support/tcp-server.js';
import { catchThrown } from '../support/thrown.js';

failOnUnhandledRejections();
const ear = useEar();
const issuer = useIssuer();
const serve = useTcpServers();

const ALICE = { account: 'alice', password: PASSWORD };
const ZHANGSAN = { sAMAccountName: 'zhangsan', password: PASSWORD };

@Controller()
class Routes {
  @UseGuards(AuthGuard('genauth-password'))
  @HttpCode(200)
  @Post('bare')
  bare(@CurrentUser() user: GenAuthUser): object {
    return { user };
  }

  @UseGuards(GenAuthPasswordGuard)
  @HttpCode(200)
  @Post('own')
  own(@CurrentUser() user: GenAuthUser): object {
    return { user };
  }

  @UseGuards(GenAuthAdGuard)
  @HttpCode(200)
  @Post('ad')
  ad(@CurrentUser() user: GenAuthUser): object {
    return { user };
  }

  @UseGuards(GenAuthGuard)
  @HttpCode(200)
  @Post('me')
  me(@CurrentUser() user: GenAuthUser): object {
    return { user };
  }
}

/** What an exception filter of the application, and so its own log, gets to see. */
const thrown: unknown[] = [];
beforeEach(() => void (thrown.length = 0));

@Catch()
class Recorder extends BaseExceptionFilter {
  override catch(exception: unknown, host: ArgumentsHost): void {
    thrown.push(exception);
    super.catch(exception, host);
  }
}

const record = (app: INestApplication): void =>
  void app.useGlobalFilters(new Recorder(app.get(HttpAdapterHost).httpAdapter));
const startApp = (platform: Platform, options: Partial<GenAuthOptions> = {}): Promise<RunningApp> => {
  const genAuth = GenAuthModule.forRoot({ ...issuer().clientOptions, appSecret: APP_SECRET, ...options });
  return startNestApp(platform, { imports: [genAuth], controllers: [Routes] }, { prepare: record });
};
const login = async ({ url }: RunningApp): Promise<string[]> => [
  await exchange(url, '/bare', ALICE),
  await exchange(url, '/own', ALICE),
];

/** No secret is in the answers, in the log, in what was thrown, nor in anything that could be heard. The answers' statuses. */
async function expectNothingToldBy(
  answers: string[],
  { logger }: Pick<RunningApp, 'logger'>,
  tokens: Partial<Tokens> = {},
): Promise<number[]> {
  const { mfaToken: _, flowToken: __, ...others } = SECRETS;
  // An exception has the next step's token, as Nest makes the answer of it, and shows it to no log.
  const shown = thrown.flatMap((each) => [inspect(each, { depth: Infinity }), JSON.stringify(each)]);
  const told = [answers.map(withoutStepToken), logger.lines, shown, await ear.listen()];
  expect(findCanaries(told, { ...SECRETS, ...tokens })).toEqual([]);
  expect(findCanaries(thrown, { ...others, ...tokens })).toEqual([]);
  expect(thrown.filter((each) => !(each instanceof HttpException))).toEqual([]);
  expect(thrown).toHaveLength(answers.length);
  return answers.map(statusOf);
}

describe.each(Object.keys(PLATFORMS) as Platform[])('Nest on %s', (platform) => {
  describe('one application', () => {
    let running: RunningApp;
    beforeAll(async () => {
      running = await startApp(platform, { exposeReasons: true });
    });
    afterAll(() => running.close());
    beforeEach(() => void (running.logger.lines.length = 0));

    it.each(ANSWER_ROWS.map((row) => [row.title, row] as const))('GenAuth answers %s', async (_title, row) => {
      const tokens = echoSignIn(issuer(), row.statusCode, row.apiCode);
      const [status, ...same] = await expectNothingToldBy(await login(running), running, tokens);
      expect(status).toBeGreaterThanOrEqual(400);
      expect([same, findCanaries(issuer().requests)]).toEqual([[status], ['password', 'appSecret']]);
      // Both told the operator.
      expect(running.logger.lines).toHaveLength(2);
    });

    it.each(FORGERIES)('the tokens are %s', async (_flaw, forge) => {
      const accessToken = forge(issuer(), accessClaims(issuer()));
      const idToken = forge(issuer(), idClaims(issuer()));
      answerSignIn(issuer(), { ...makeTokens(issuer()), idToken });
      const me = await exchange(running.url, '/me', {}, { authorization: `Bearer ${accessToken}` });
      const answers = [me, ...(await login(running)), await exchange(running.url, '/ad', ZHANGSAN)];
      expect(await expectNothingToldBy(answers, running, { accessToken, idToken })).toEqual([401, 502, 502, 502]);
    });

    it('GenAuth’s own words are the secrets: no answer passes them on', async () => {
      for (const { title, statusCode, apiCode } of ANSWER_ROWS) {
        echoSignIn(issuer(), statusCode, apiCode, { message: EVERYTHING });
        const answer = withoutStepToken(await exchange(running.url, '/own', ALICE));
        expect([title, findCanaries(answer)]).toEqual([title, []]);
      }
    });

    it.each(WRONG_BODIES)('the body is or has %s', async (_name, body) => {
      const answers: string[] = [];
      for (const path of ['/bare', '/own', '/ad']) answers.push(await exchange(running.url, path, body));
      expect(await expectNothingToldBy(answers, running)).toEqual([400, 400, 400]);
    });
  });
});

const broken = (what: string, path: string, options: Partial<GenAuthOptions>) =>
  BROKEN.map(([name, reply, code]) => {
    const arrange = async (): Promise<Partial<GenAuthOptions>> => {
      issuer().reply(path, reply);
      return options;
    };
    return [`${what} ${name}`, code, arrange] as const;
  });
it.each([
  ...NETWORK_FAULTS.map(({ title, code, arrange }) => {
    // The keys, which are fetched at the start, come from elsewhere.
    return [title, code, async () => ({ ...(await arrange(serve)), jwksUri: `${issuer().url}${JWKS_PATH}` })] as const;
  }),
  ...broken('keys that are', JWKS_PATH, {}),
  ...broken('keys for passwords that are', '/api/v3/system', { passwordEncryptType: 'sm2' }),
])('%s', async (title, code, arrange) => {
  const tokens = makeTokens(issuer());
  answerSignIn(issuer(), tokens);
  const { proxy, ...options } = await arrange();
  const secret = proxy?.replace('//', `//${PROXY_USER}`);
  // Turn about: the answer is the same on both.
  const platform = title.length % 2 === 0 ? 'Express' : 'Fastify';
  const running = await startApp(platform, { ...options, proxy: secret });
  try {
    const answers = [await exchange(running.url, '/own', ALICE)];
    const status = code === 'upstream_invalid_response' ? 502 : 503;
    expect(await expectNothingToldBy(answers, running, tokens)).toEqual([status]);
  } finally {
    await running.close();
  }
  // What the application says of the keys at its start is there by now.
  expect(findCanaries(running.logger.lines, { ...SECRETS, ...tokens })).toEqual([]);
});

it('options with a mistake end the start without telling them', async () => {
  const secrets = { proxy: `ftp://${PROXY_USER}x`, clientSecret: APP_SECRET };
  const error = await catchError(startApp('Express', { ...secrets, appHost: `https://a:${APP_SECRET}@b` } as object));
  expect(error).toMatchObject({ code: 'invalid_options' });
  expect(findCanaries([error, await ear.listen()])).toEqual([]);
});

it('the sample in a process of its own writes no secret to its output', async () => {
  const env = { GENAUTH_APP_ID: APP_ID, GENAUTH_APP_SECRET: APP_SECRET, GENAUTH_APP_HOST: issuer().url, PORT: '0' };
  const sample = startNode([`${ROOT}/dist-sample/main.js`], { ...env, NODE_ENV: 'development' });
  try {
    const url = await sample.line(/^Sample app \(\w+\) listening on (http:\S+)$/);
    const answers: string[] = [];
    for (const { statusCode, apiCode } of ANSWER_ROWS) {
      echoSignIn(issuer(), statusCode, apiCode);
      answers.push(withoutStepToken(await exchange(url, '/auth/login', ALICE)));
    }
    for (const [, forge] of FORGERIES) {
      answerSignIn(issuer(), { ...makeTokens(issuer()), idToken: forge(issuer(), idClaims(issuer())) });
      answers.push(await exchange(url, '/auth/login/ad', ZHANGSAN));
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
  expect(sample.output()).toContain('upstream_unreachable');
  expect(findCanaries(sample.output())).toEqual([]);
}, 30_000);

describe('the emulator, whose user has the password', () => {
  type Arrange = (emulator: GenAuthEmulator) => unknown;
  type Row = [name: string, outcome: string, options?: Partial<GenAuthOptions>, body?: object, arrange?: Arrange];
  const users = [{ username: 'alice', password: PASSWORD }];
  const adAccounts = [{ sAMAccountName: 'zhangsan', password: PASSWORD }];
  const byBody = useEmulator({ appSecret: APP_SECRET, users, adAccounts });
  const byHeader = useEmulator({ appSecret: APP_SECRET, users, tokenEndpointAuthMethod: 'client_secret_basic' });

  /** Nothing is in its journal, nor in what it answered. */
  const expectNothingToldOf = async (emulator: GenAuthEmulator, outcome: string, told: unknown): Promise<void> => {
    expect(emulator.signIns.at(-1)).toMatchObject({ outcome });
    const { answer } = await control(emulator, 'GET', '/sign-ins');
    expect(answer).toEqual(emulator.signIns);
    const counts = (['signin', 'jwks', 'system'] as const).map((endpoint) => emulator.requests(endpoint));
    const view = inspect(emulator, { depth: Infinity, showHidden: true });
    expect(findCanaries([answer, emulator.signIns, counts, view, told, await ear.listen()])).toEqual([]);
  };

  const WRONG = { ...ALICE, password: `${PASSWORD}!` };
  const post = async (emulator: GenAuthEmulator, members: object): Promise<unknown> => {
    const client = { client_id: emulator.appId, client_secret: APP_SECRET };
    return (await postSignIn(emulator, { connection: 'PASSWORD', ...client, ...members })).answer;
  };
  const lock: Arrange = (emulator) => {
    emulator.protectLogins({ lockAfter: 1 });
    return post(emulator, { passwordPayload: WRONG });
  };
  const rsa = { passwordEncryptType: 'rsa' } as const;
  const captcha = { captchaCode: 'x', captchaToken: 'y' };
  it.each<Row>([
    ['success', 'success'],
    ['success by header', 'success', { tokenEndpointAuthMethod: 'client_secret_basic' }],
    ['success by RSA', 'success', rsa],
    ['success by SM2', 'success', { passwordEncryptType: 'sm2' }],
    ['success by Active Directory', 'success', {}, ZHANGSAN],
    ['a wrong password', 'invalid_credentials', {}, WRONG],
    ['a wrong password by RSA', 'invalid_credentials', rsa, WRONG],
    ['an unknown account', 'invalid_credentials', {}, { ...ALICE, account: 'bob' }],
    ['a wrong secret', 'client_authentication_failed', { appSecret: `${APP_SECRET}!` }],
    ['another app', 'app_not_found', { appId: 'another-app' }],
    ['a captcha', 'captcha_required', {}, ALICE, (emulator) => emulator.protectLogins({ captchaAfter: 0 })],
    ['a wrong captcha', 'captcha_wrong', {}, { ...ALICE, ...captcha }, (it) => it.protectLogins({ captchaAfter: 0 })],
    ['a lock', 'account_locked', {}, ALICE, lock],
    ['an answer on demand', 'answered', {}, ALICE, (it) => it.answerSignIn({ statusCode: 403, data: SECRETS })],
    ['a page', 'fault', {}, ALICE, (emulator) => emulator.fault({ endpoint: 'signin', status: 500, body: PASSWORD })],
    ['a closed connection', 'fault', {}, ALICE, (emulator) => emulator.fault({ endpoint: 'signin', drop: true })],
    ...ID_TOKEN_FLAWS.map((flaw): Row => [flaw, 'success', {}, ALICE, (emulator) => emulator.flawIdToken(flaw)]),
  ])('journals %s', async (_name, outcome, options = {}, body = ALICE, arrange = () => {}) => {
    const emulator = options.tokenEndpointAuthMethod === undefined ? byBody() : byHeader();
    const running = await startApp('Fastify', { ...emulator.clientOptions, ...options });
    try {
      await arrange(emulator);
      const text = await exchange(running.url, 'account' in body ? '/own' : '/ad', body);
      await expectNothingToldOf(emulator, outcome, [withoutStepToken(text), running.logger.lines]);
    } finally {
      await running.close();
    }
  });

  const NESTED = { account: { PASSWORD }, password: { PASSWORD } };
  it.each<[string, string, object]>([
    ['no connection', 'invalid_request', { connection: undefined }],
    ['LDAP', 'not_implemented', { connection: 'LDAP', ldapPayload: ALICE }],
    ['a payload that is the password', 'invalid_request', { passwordPayload: PASSWORD }],
    ['a payload that is a list', 'invalid_request', { passwordPayload: ['alice', PASSWORD] }],
    ['objects for texts', 'invalid_request', { passwordPayload: NESTED }],
    ['the password outside', 'invalid_request', { passwordPayload: undefined, ...ALICE }],
    ['another connection’s payload', 'invalid_request', { connection: 'AD' }],
    ['options that are the password', 'invalid_request', { options: PASSWORD }],
    ['what is no ciphertext', 'decryption_failed', { options: { passwordEncryptType: 'rsa' } }],
  ])('journals a body with %s', async (_name, outcome, members) => {
    const answer = await post(byBody(), { passwordPayload: ALICE, ...members });
    await expectNothingToldOf(byBody(), outcome, answer);
  });

  it.each<[string, object]>([
    ['a secret that is a list', { appSecret: [APP_SECRET] }],
    ['a password that is a list', { users: [{ username: 'alice', password: [PASSWORD] }] }],
    ['a user without a name', { users: [{ password: PASSWORD }] }],
    ['a password under another name', { users: [{ username: 'alice', passwd: PASSWORD }] }],
    ['an account twice', { adAccounts: [ZHANGSAN, ZHANGSAN] }],
  ])('refuses %s', (_name, options) => {
    const error = catchThrown(() => new GenAuthEmulator(options as GenAuthEmulatorOptions));
    expect(error).toMatchObject({ code: 'invalid_input' });
    expect(findCanaries(error)).toEqual([]);
  });
});
