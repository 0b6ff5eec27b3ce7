import { useClients } from '../../support/client.js';
import { type Reply, useIssuer } from '../../support/issuer.js';
import { createRsaPasswordKey } from '../../support/password-key.js';
import { catchError } from '../../support/promise.js';

const CAPTCHA_PATH = '/api/v3/get-captcha-code';
const SYSTEM_PATH = '/api/v3/system';
const issuer = useIssuer();
const open = useClients(issuer);
const rsa = createRsaPasswordKey();

const CAPTCHA = { captchaCodeSvg: '<svg/>', captchaToken: 'canary-token' };
const SYSTEM = { rsa: { publicKey: rsa.publicKey } };
const IDS = { message: 'no', requestId: 'request-1' };

/** What is read at a path, and what it is when it is right. */
const DOCUMENTS = {
  captcha: {
    path: CAPTCHA_PATH,
    data: CAPTCHA,
    get: () => open().getCaptcha(),
  },
  system: {
    path: SYSTEM_PATH,
    data: SYSTEM,
    get: () => open({ passwordEncryptType: 'rsa', jwksUri: `${issuer().url}/oidc/.well-known/jwks.json` }).warmUp(),
  },
} as const;

describe.each(['captcha', 'system'] as const)('%s', (name) => {
  const { path, data, get } = DOCUMENTS[name];

  it.each<[string, Reply, string, number | undefined]>([
    ['statusCode 403', { body: { ...IDS, statusCode: 403, data } }, 'upstream_invalid_response', 403],
    ['statusCode 201', { body: { ...IDS, statusCode: 201, data } }, 'upstream_invalid_response', 201],
    ['statusCode 429', { body: { ...IDS, statusCode: 429, data } }, 'upstream_unavailable', 429],
    ['statusCode 500', { body: { ...IDS, statusCode: 500, data } }, 'upstream_unavailable', 500],
    ['statusCode 603', { body: { ...IDS, statusCode: 603, data } }, 'upstream_unavailable', 603],
    [
      'statusCode 200 under HTTP 500',
      { status: 500, body: { ...IDS, statusCode: 200, data } },
      'upstream_unavailable',
      200,
    ],
    [
      'statusCode 200 under HTTP 403',
      { status: 403, body: { ...IDS, statusCode: 200, data } },
      'upstream_invalid_response',
      200,
    ],
    ['HTTP 429', { status: 429, headers: { 'retry-after': '7' } }, 'upstream_unavailable', undefined],
    ['a page', { body: '<html>' }, 'upstream_invalid_response', undefined],
    ['null', { body: 'null' }, 'upstream_invalid_response', undefined],
    ['a redirect', { status: 302, headers: { location: '/' } }, 'upstream_invalid_response', undefined],
  ])('%s: an error with GenAuth’s own numbers, whatever data came along', async (_title, reply, code, statusCode) => {
    issuer().reply(path, reply);
    const error = (await catchError(get())) as Error & { answer?: object; retryAfter?: number };
    expect(error).toMatchObject({ name: 'UpstreamError', code });
    expect(error.answer).toEqual(
      statusCode === undefined ? undefined : { statusCode, apiCode: undefined, requestId: 'request-1' },
    );
    expect(error.retryAfter).toBe(reply.status === 429 ? 7 : undefined);
    expect(issuer().count(path)).toBe(1);
  });

  it('statusCode 200: it is read', async () => {
    issuer().reply(path, { body: { statusCode: 200, message: '', data } });
    expect(await get()).toEqual(name === 'captcha' ? { svg: '<svg/>', token: 'canary-token' } : undefined);
  });
});

it.each<[string, object]>([
  ['a picture without its token', { captchaCodeSvg: '<svg/>' }],
  ['a token without its picture', { captchaToken: 't' }],
  ['nothing', {}],
])('a captcha of %s: upstream_invalid_response', async (_title, data) => {
  issuer().reply(CAPTCHA_PATH, { body: { statusCode: 200, data } });
  expect(await catchError(open().getCaptcha())).toMatchObject({ code: 'upstream_invalid_response', statusCode: 502 });
});
