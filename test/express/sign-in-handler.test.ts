import globalPassport from 'passport';
import { GenAuthAdStrategy, GenAuthClient, GenAuthPasswordStrategy, signInHandler } from '../../src/index.js';
import { ID_TOKEN_FLAWS, type EmulatorFault, type IdTokenFlaw } from '../../src/emulator/index.js';
import { useEmulator } from '../emulator/support.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import { failOnUnhandledRejections, listWarnings } from '../support/host-process.js';
import { SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { type LoginAppSettings, createLoginApp } from '../support/login-app.js';
import { catchThrown } from '../support/thrown.js';
import { type WebAnswer, ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const warnings = listWarnings();
const emulator = useEmulator();
const issuer = useIssuer();
const serve = useWebServer();

const ALICE = { account: 'alice', password: 'passw0rd' };
const WRONG = { account: 'alice', password: 'canary-password' };
/** Everything that GenAuth might send beside, and nobody may pass on. */
const CANARIES = ['canary-password', 'canary-token', 'canary-message', '424242', 'canary-flow'];
const DATA = { access_token: 'canary-token', id_token: 'canary-token', token: 'canary-flow', remainCount: 424242 };
/** What such an answer may pass on after all: the token of the next step. */
const FLOW = { flowToken: 'canary-flow' };

const WRONG_TEXT = 'The account or the password is wrong.';
const DOWN = 'The identity service is not available. Try again later.';
const UNUSABLE = 'The identity service returned an invalid response.';
const MISCONFIGURED = 'This service is not configured correctly. Contact its administrator.';
const WORDS: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
};

/** GenAuth's statusCode and apiCode. */
const said = (statusCode: number, apiCode?: number, data: object = DATA): Partial<EmulatorFault> => ({
  body: { statusCode, apiCode, message: 'canary-message', requestId: 'request-1', data },
});

type Row = readonly [
  name: string,
  fault: Partial<EmulatorFault>,
  status: number,
  code: string,
  message: string,
  more?: object,
];
/** The table "What comes back", column login. */
const ROWS: readonly Row[] = [
  ['2333', said(403, 2333), 401, 'invalid_credentials', WRONG_TEXT],
  ['2004', said(404, 2004), 401, 'invalid_credentials', WRONG_TEXT],
  ['2006', said(403, 2006), 401, 'invalid_credentials', WRONG_TEXT],
  ['2000', said(403, 2000), 403, 'captcha_required', 'Enter the characters in the image to sign in.'],
  ['1636', said(301, 1636), 403, 'mfa_required', 'A second verification step is required to sign in.'],
  ['1639', said(301, 1639), 403, 'password_change_required', 'Change your password before you sign in.', FLOW],
  [
    '1640',
    said(301, 1640),
    403,
    'identity_binding_required',
    'Link an identity to your account before you sign in.',
    FLOW,
  ],
  ['1642', said(301, 1642), 403, 'profile_completion_required', 'Complete your profile before you sign in.', FLOW],
  ['2005', said(403, 2005), 403, 'account_locked', WRONG_TEXT],
  ['2120008', said(403, 2120008), 403, 'access_denied', WRONG_TEXT],
  ['1002', said(429, 1002), 429, 'rate_limited', 'Too many attempts. Try again later.'],
  ['an unknown code', said(403, 987654), 403, 'rejected', 'The sign-in was refused.'],
  [
    '301 without code',
    said(301),
    403,
    'rejected',
    'The sign-in requires one more step that is not available here.',
    { furtherStep: true },
  ],
  ['401 without code', said(401), 500, 'configuration_error', MISCONFIGURED],
  ['2011', said(499, 2011), 500, 'configuration_error', MISCONFIGURED],
  ['2016', said(499, 2016), 500, 'configuration_error', MISCONFIGURED],
  ['4021', said(402, 4021), 500, 'configuration_error', MISCONFIGURED],
  ['2820002', said(499, 2820002), 500, 'configuration_error', MISCONFIGURED],
  ['500', said(500), 503, 'upstream_unavailable', DOWN],
  ['603', said(603), 503, 'upstream_unavailable', DOWN],
  ['HTTP 502', { status: 502, body: '<p>canary-message' }, 503, 'upstream_unavailable', DOWN],
  ['no answer', { drop: true }, 503, 'upstream_unavailable', DOWN],
  ['a slow answer', { delayMs: 60_000 }, 503, 'upstream_unavailable', DOWN],
  ['a page', { body: '<p>canary-message' }, 502, 'upstream_invalid_response', UNUSABLE],
  [
    'HTTP 401 without an envelope',
    { status: 401, body: { error: 'canary-message' } },
    502,
    'upstream_invalid_response',
    UNUSABLE,
  ],
  ['HTTP 302', { status: 302, body: '' }, 502, 'upstream_invalid_response', UNUSABLE],
  ['success without tokens', said(200, undefined, {}), 502, 'upstream_invalid_response', UNUSABLE],
  ['success with tokens that are none', said(200), 502, 'upstream_invalid_response', UNUSABLE],
];

describe.each(EXPRESS_VERSIONS)('signInHandler on %s', (_version, express) => {
  const start = (more: Partial<LoginAppSettings> = {}, timeout = 10_000): Promise<string> => {
    const client = new GenAuthClient({ ...emulator().clientOptions, scope: 'openid offline_access', timeout });
    return serve(
      createLoginApp(express, {
        strategies: [new GenAuthPasswordStrategy(client), new GenAuthAdStrategy(client)],
        prepare: (app) => app.disable('x-powered-by'),
        authenticate: (_passport, find) => signInHandler(find('genauth-password')),
        ...more,
      }),
    );
  };
  const login = async (url: string, json: object = ALICE): Promise<WebAnswer> => ask(url, { path: '/login', json });

  it.each(ROWS.map((row) => [row[0], row] as const))(
    'GenAuth says %s',
    async (_name, [, fault, status, code, message, more = {}]) => {
      emulator().fault({ endpoint: 'signin', times: 1, ...fault });
      const answer = await login(await start({}, fault.delayMs === undefined ? undefined : 400), WRONG);
      const body = JSON.parse(answer.text) as object;
      const rejected = [401, 403, 429].includes(status);
      expect([answer.status, body]).toEqual([
        status,
        {
          statusCode: status,
          error: WORDS[status],
          message,
          code,
          ...(rejected && { requestId: 'request-1' }),
          ...more,
        },
      ]);
      const { date: _date, ...headers } = answer.headers;
      expect(headers).toEqual({
        'content-type': 'application/json; charset=utf-8',
        'content-length': String(Buffer.byteLength(answer.text)),
        'cache-control': 'no-store',
        connection: 'close',
        ...(status === 503 && { 'retry-after': '5' }),
      });
      const shown = { ...answer, text: answer.text.replace('"flowToken":"canary-flow"', '') };
      expect(
        findLeaks([shown, warnings], ['canary-password', 'canary-token', 'canary-flow', emulator().appSecret]),
      ).toEqual([]);
      expect(findLeaks(shown, CANARIES)).toEqual([]);
    },
  );

  it('gives the MFA token to the person whom MFA is asked of, and to nobody else', async () => {
    const url = await start();
    for (const apiCode of [1636, 1635, 1639, 2000, 2333, 2005]) {
      emulator().fault({ endpoint: 'signin', times: 1, ...said(301, apiCode, { mfaToken: 'canary-mfa' }) });
      const { text } = await login(url);
      const { mfaToken } = JSON.parse(text) as { mfaToken?: string };
      expect([apiCode, mfaToken]).toEqual([apiCode, apiCode < 1639 ? 'canary-mfa' : undefined]);
    }
  });

  it.each([
    [429, undefined, undefined],
    [429, '7', '7'],
    [429, '0', '0'],
    [429, '99999', '3600'],
    [429, 'soon', undefined],
    [503, undefined, '5'],
    [503, '120', '120'],
    [503, 'soon', '5'],
    [401, '7', undefined],
  ])('HTTP %i with Retry-After %s says Retry-After %s', async (status, retryAfter, expected) => {
    const body = status === 401 ? { statusCode: 403, apiCode: 2333 } : '';
    issuer().reply(SIGN_IN_PATH, {
      status,
      body,
      headers: retryAfter === undefined ? {} : { 'retry-after': retryAfter },
    });
    const answer = await login(await start({ strategies: [new GenAuthPasswordStrategy(issuer().clientOptions)] }));
    expect([answer.status, answer.headers['retry-after']]).toEqual([status, expected]);
  });

  it.each(ID_TOKEN_FLAWS.filter((flaw) => flaw !== 'no_kid'))(
    'an id_token that is wrong (%s) is 502',
    async (flaw: IdTokenFlaw) => {
      emulator().flawIdToken(flaw);
      const answer = await login(await start());
      expect([answer.status, JSON.parse(answer.text)]).toEqual([
        502,
        { statusCode: 502, error: 'Bad Gateway', message: UNUSABLE, code: 'upstream_invalid_response' },
      ]);
      expect(answer.text).not.toMatch(/eyJ|id_token/);
    },
  );

  it('puts user and authInfo on the request, as Passport does, and tokens nowhere else', async () => {
    const keys: string[][] = [];
    const url = await start({
      answer: (req, res) => {
        keys.push(Object.keys(req.authInfo as object));
        const { accessToken, refreshToken, idToken } = (req.authInfo as { tokens: Record<string, string> }).tokens;
        expect(findLeaks(req.user, [accessToken ?? '', refreshToken ?? '', idToken ?? ''])).toEqual([]);
        res.json(req.user);
      },
    });
    const answer = await login(url);
    expect([answer.status, JSON.parse(answer.text)]).toEqual([200, { sub: expect.any(String) }]);
    expect(keys).toEqual([['tokens', 'claims', 'requestId']]);
    expect(answer.text).not.toMatch(/eyJ/);
  });

  it('serves Active Directory', async () => {
    const url = await start({ authenticate: (_passport, find) => signInHandler(find('genauth-ad')) });
    expect((await login(url, { sAMAccountName: 'zhangsan', password: 'AdPassw0rd' })).status).toBe(200);
    expect((await login(url, { sAMAccountName: 'zhangsan', password: 'wrong' })).status).toBe(401);
    expect((await login(url, ALICE)).status).toBe(400);
  });

  it("takes Passport's global instance where it is given none", async () => {
    globalPassport.use(new GenAuthPasswordStrategy(emulator().clientOptions));
    const url = await start({ authenticate: () => signInHandler('genauth-password') });
    expect((await login(url)).status).toBe(200);
    globalPassport.unuse('genauth-password');
    expect(await login(url)).toMatchObject({ status: 500, text: '{"thrown":{"name":"Error"}}' });
  });

  it('leaves a HEAD without a body, and says 400 to any request without credentials', async () => {
    const url = await start();
    for (const method of ['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS']) {
      const answer = await ask(url, { path: '/login', method });
      expect([method, answer.status, answer.text === '']).toEqual([method, 400, method === 'HEAD']);
    }
    expect(emulator().requests('signin')).toBe(0);
  });
});

it.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['an empty name', ''],
  ['a client', {}],
  ['a class', GenAuthPasswordStrategy],
  ['a number', 5],
])('refuses %s in place of a strategy, with the line to write', (_name, given) => {
  expect(catchThrown(() => signInHandler(given as string))).toMatchObject({
    code: 'invalid_options',
    message: expect.stringMatching(
      /^signInHandler got .+: write signInHandler\(new GenAuthPasswordStrategy\(client\)\)\.$/,
    ),
  });
});

it('passes on what the next handler throws, once it has let the user in', async () => {
  const strategy = {
    name: 'own',
    attempt: async () => ({ kind: 'success', user: { id: 1 }, info: undefined }) as const,
  };
  const thrown = new Error('from the next handler');
  const calls: unknown[] = [];
  await new Promise<void>((resolve) => {
    signInHandler(strategy)({ headers: {} } as never, { headersSent: true } as never, (error) => {
      calls.push(error);
      if (error === undefined) throw thrown;
      resolve();
    });
  });
  expect(calls).toEqual([undefined, thrown]);
});

it('warns the operator of each kind of fault once, in words that help and without a secret', async () => {
  const [, express] = EXPRESS_VERSIONS.at(-1)!;
  const strategies = [new GenAuthPasswordStrategy(emulator().clientOptions)];
  const authenticate: LoginAppSettings['authenticate'] = (_passport, find) => signInHandler(find('genauth-password'));
  const url = await serve(createLoginApp(express, { strategies, authenticate }));
  for (const fault of [said(401), said(499, 2011), said(401), said(499, 2011), said(403, 2333)]) {
    emulator().fault({ endpoint: 'signin', times: 1, ...fault });
    await ask(url, { path: '/login', json: WRONG });
  }
  // Also over all tests before this one.
  expect(warnings.filter((warning) => /^GENAUTH_(CLIENT|APP)/.test(warning)).sort()).toEqual([
    expect.stringMatching(/^GENAUTH_APP_NOT_FOUND: .*compare appId and appHost/),
    expect.stringMatching(/^GENAUTH_CLIENT_AUTHENTICATION_FAILED: .*compare appSecret and tokenEndpointAuthMethod/),
  ]);
  expect(findLeaks(warnings, [emulator().appSecret, 'canary-password', 'canary-token'])).toEqual([]);
});
