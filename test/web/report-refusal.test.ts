import { jest } from '@jest/globals';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  AuthorizationError,
  ConfigurationError,
  type GenAuthError,
  type GenAuthEvents,
  RequestError,
  SignInRejectedError,
  TokenVerificationError,
  UpstreamError,
} from '../../src/index.js';
import { type Refusal, toRefusal } from '../../src/web/refusal.js';
import { type ReportOptions, reportRefusal } from '../../src/web/report-refusal.js';
import { listWarnings } from '../support/host-process.js';
import { useIssuer } from '../support/issuer.js';
import { bearer } from '../support/marked-routes.js';

const issuer = useIssuer();
const warnings = listWarnings();
let now = 1;
beforeEach(() => {
  jest.spyOn(performance, 'now').mockImplementation(() => now);
});
afterEach(() => {
  // The next test begins a day later, after the pause of every earlier warning.
  now += 86_400_000;
  jest.restoreAllMocks();
});

const refuse = (error: GenAuthError): Refusal =>
  toRefusal(error, { options: { language: undefined, exposeReasons: false } });
const report = (refusal: Refusal, options: ReportOptions = { name: 'app' }, req: object = {}): void =>
  reportRefusal(refusal, options, { headers: {}, ...req });
/** Warnings since the last call. */
const takeWarnings = async (): Promise<string[]> => {
  await new Promise((resolve) => setImmediate(resolve));
  return warnings.splice(0);
};
const TOKEN = { details: { token: 'access_token' } } as const;
const TIMEOUT = refuse(new UpstreamError('upstream_timeout', 'Slow.', { cause: new Error('canary') }));
const cause = new Error('of the vault');
const SECRET = refuse(new ConfigurationError('app_secret_unavailable', 'No secret.', { cause }));
const EXPIRED = refuse(new TokenVerificationError('token_expired', 'Too old.', TOKEN));
const ANSWER = { statusCode: 403, apiCode: 2333, message: 'm', requestId: 'r' };
const WRONG = { ...ANSWER, kind: 'invalid_credentials', remainingAttempts: undefined } as const;
const REJECTED = refuse(new SignInRejectedError(WRONG, 401, 'for the user'));

describe('without the option log', () => {
  it.each<[string, Refusal, string[]]>([
    ['an outage without its cause, in the first minute of a process', TIMEOUT, ['UPSTREAM_TIMEOUT: app: Slow.']],
    ['the error of the application', SECRET, ['APP_SECRET_UNAVAILABLE: app: No secret. (of the vault)']],
    ['no wrong request', refuse(new RequestError('x')), []],
    ['no wrong token', EXPIRED, []],
  ])('a process warning reports %s', async (_title, refusal, expected) => {
    report(refusal);
    expect(await takeWarnings()).toEqual(expected.map((warning) => `GENAUTH_${warning}`));
  });

  it('the same code of the same client is reported again after one minute', async () => {
    report(TIMEOUT);
    now += 59_999;
    report(TIMEOUT);
    expect(await takeWarnings()).toHaveLength(1);
    report(TIMEOUT, { name: 'staff' });
    report(refuse(new UpstreamError('upstream_unavailable', 'x')));
    expect(await takeWarnings()).toHaveLength(2);
    now += 1;
    report(TIMEOUT);
    report(TIMEOUT);
    expect(await takeWarnings()).toEqual(['GENAUTH_UPSTREAM_TIMEOUT: app: Slow. (1 more since the last line)']);
  });
});

describe('the option log', () => {
  const details = { name: 'app', route: undefined, cause: undefined };
  it.each<[title: string, refusal: Refusal, line: unknown[] | undefined]>([
    [
      'a wrong token',
      EXPIRED,
      ['debug', 'token_expired: Too old.', { ...details, status: 401, code: 'invalid_token', reason: 'token_expired' }],
    ],
    [
      'the answer of GenAuth',
      REJECTED,
      [
        'debug',
        'invalid_credentials: GenAuth answered statusCode 403, apiCode 2333, message "m", request ID "r"',
        { ...details, status: 401, code: 'invalid_credentials', reason: 'invalid_credentials' },
      ],
    ],
    [
      'a fault with its cause',
      SECRET,
      [
        'error',
        'app_secret_unavailable: No secret.',
        { ...details, status: 500, code: 'configuration_error', reason: 'app_secret_unavailable', cause },
      ],
    ],
    ['no missing token', refuse(new TokenVerificationError('token_missing', 'x', TOKEN)), undefined],
  ])('receives %s', async (_title, refusal, line) => {
    const log = jest.fn();
    report(refusal, { name: 'app', log });
    expect(log.mock.calls).toEqual(line === undefined ? [] : [line]);
    expect(await takeWarnings()).toEqual([]);
  });

  it.each<[title: string, req: object, route: string | undefined]>([
    ['of Express', { method: 'GET', baseUrl: '/invite/secret', route: { path: '/orders/:id' } }, 'GET /orders/:id'],
    ['of Fastify', { method: 'GET', routeOptions: { url: '/orders/:id' } }, 'GET /orders/:id'],
    ['of a regular expression', { method: 'GET', baseUrl: '', route: { path: /x/ } }, undefined],
    ['outside a route', { method: 'GET', url: '/orders/1' }, undefined],
  ])('receives the route %s', (_title, req, route) => {
    const log = jest.fn();
    report(EXPIRED, { log }, req);
    expect(log).toHaveBeenCalledWith('debug', expect.any(String), expect.objectContaining({ route }));
  });

  it.each<[title: string, fail: () => unknown]>([
    [
      'throw',
      () => {
        throw new Error('the disk is full');
      },
    ],
    [
      'reject',
      async () => {
        throw new Error('the disk is full');
      },
    ],
  ])('may %s, and receives the same error of a request once', async (_title, fail) => {
    const log = jest.fn(fail);
    const req = { headers: {} };
    reportRefusal(EXPIRED, { log }, req);
    reportRefusal(EXPIRED, { log }, req);
    reportRefusal(EXPIRED, { log }, { headers: {} });
    expect(log).toHaveBeenCalledTimes(2);
    // The warning is limited to one a minute.
    expect(await takeWarnings()).toEqual([
      expect.stringContaining('GENAUTH_LOG_FAILED: passport-genauth: The function'),
    ]);
  });
});

describe('the event genauth:refusal', () => {
  const events: GenAuthEvents['genauth:refusal'][] = [];
  const take = (event: unknown): void => void events.push(event as GenAuthEvents['genauth:refusal']);
  beforeEach(() => {
    events.length = 0;
    subscribe('genauth:refusal', take);
  });
  afterEach(() => void unsubscribe('genauth:refusal', take));

  it('has the code, the reason, the route, the key ID, and a hash of the subject', () => {
    const route = { method: 'GET', baseUrl: '', route: { path: '/orders' } };
    const send = (refusal: Refusal, sub: string): void =>
      report(refusal, { appId: 'app-id' }, { ...route, headers: { authorization: bearer(issuer(), { sub }) } });
    const scope = refuse(new AuthorizationError('insufficient_scope', 'No.', { required: ['email'], mode: 'all' }));
    send(EXPIRED, 'alice');
    send(scope, 'alice');
    send(scope, 'bob');
    const common = { appId: 'app-id', route: 'GET /orders', kid: issuer().key.kid };
    const denied = { ...common, status: 403, code: 'insufficient_scope', reason: 'insufficient_scope', text: 'No.' };
    expect(events).toEqual([
      expect.objectContaining({ ...common, status: 401, code: 'invalid_token', reason: 'token_expired' }),
      expect.objectContaining(denied),
      expect.objectContaining(denied),
    ]);
    const [first, second, third] = events.map(({ subject }) => subject);
    expect(first).toMatch(/^[\w-]{43}$/);
    expect([second === first, third === first]).toEqual([true, false]);
  });

  it.each([[undefined], ['Bearer x'], ['Bearer a.b.c'], ['Basic x']])(
    'has no subject with the header %p',
    (authorization) => {
      report(EXPIRED, {}, { headers: { authorization } });
      expect(events).toMatchObject([{ appId: undefined, subject: undefined, kid: undefined, route: undefined }]);
    },
  );
});
