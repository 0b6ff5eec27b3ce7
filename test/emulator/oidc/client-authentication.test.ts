import { authenticateClient, readClientForm } from '../../../src/emulator/oidc/client-authentication.js';
import { readForm, readParameters, requireParameter } from '../../../src/emulator/oidc/parameters.js';
import { resolveOptions } from '../../../src/emulator/options.js';
import { APP_HEADER, attempt } from '../support.js';

const ID = 'app-1';
const SECRET = 's3cret:with:colons-and-ü&=+%';
const METHODS = ['client_secret_post', 'client_secret_basic', 'none'] as const;
const CONFIGS = METHODS.map((tokenEndpointAuthMethod) =>
  resolveOptions({ appId: ID, appSecret: SECRET, tokenEndpointAuthMethod }),
);

const basic = (user: string, password: string) => ({
  authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});
const header = { [APP_HEADER]: ID };
const pair = { client_id: ID, client_secret: SECRET };
const encode = (text: string) => encodeURIComponent(text).replaceAll('%20', '+');
const BASIC = basic(ID, SECRET);

const OK = 'ok';
const NO = 'client_authentication_failed';
const UNKNOWN = 'app_not_found';

/** Credentials → results for an app with the method `client_secret_post`, `client_secret_basic`, `none`. */
it.each<[string, Record<string, string>, Record<string, unknown>, [post: string, basic: string, none: string]]>([
  ['id and secret in the body', {}, pair, [OK, NO, NO]],
  ['the app header, and id and secret in the body', header, pair, [OK, NO, NO]],
  ['the GenAuth header, and id and secret in the body', { 'x-genauth-app-id': ID }, pair, [OK, NO, NO]],
  ['a Bearer header, and id and secret in the body', { authorization: 'Bearer x' }, pair, [OK, NO, NO]],
  ['a wrong secret in the body', header, { ...pair, client_secret: 'wrong' }, [NO, NO, NO]],
  ['a longer secret in the body', header, { ...pair, client_secret: `${SECRET}x` }, [NO, NO, NO]],
  ['an empty secret in the body', header, { ...pair, client_secret: '' }, [NO, NO, NO]],
  ['a list as the secret', header, { ...pair, client_secret: [SECRET] }, [NO, NO, NO]],
  ['null as the secret', header, { ...pair, client_secret: null }, [NO, NO, NO]],
  ['a secret without an id in the body', header, { client_secret: SECRET }, [NO, NO, NO]],
  ['the id of another app in the body', header, { ...pair, client_id: 'other' }, [NO, NO, NO]],
  ['another id and no secret in the body', header, { client_id: 'other' }, [NO, NO, NO]],
  ['only the app header', header, {}, [NO, NO, OK]],
  ['only the GenAuth header', { 'x-genauth-app-id': ID }, {}, [NO, NO, OK]],
  ['only the id in the body', {}, { client_id: ID }, [NO, NO, OK]],
  ['only Basic', BASIC, {}, [NO, OK, NO]],
  ['the app header and Basic', { ...header, ...BASIC }, {}, [NO, OK, NO]],
  ['Basic with a scheme in lower case', { authorization: BASIC.authorization.replace('B', 'b') }, {}, [NO, OK, NO]],
  ['form-encoded Basic', basic(ID, encode(SECRET)), {}, [NO, OK, NO]],
  ['Basic and the id in the body', BASIC, { client_id: ID }, [NO, OK, NO]],
  ['Basic and another id in the body', { ...header, ...BASIC }, { client_id: 'other' }, [NO, NO, NO]],
  ['Basic, and id and secret in the body', BASIC, pair, [NO, NO, NO]],
  ['Basic with a wrong secret', basic(ID, 'wrong'), {}, [NO, NO, NO]],
  ['Basic of another app, and the app header', { ...header, ...basic('other', SECRET) }, {}, [NO, NO, NO]],
  ['Basic without a colon', { ...header, authorization: `Basic ${btoa(ID)}` }, {}, [NO, NO, NO]],
  ['no credentials', {}, {}, [UNKNOWN, UNKNOWN, UNKNOWN]],
  ['another app in the app header', { [APP_HEADER]: 'other' }, pair, [UNKNOWN, UNKNOWN, UNKNOWN]],
  ['another app in the GenAuth header', { 'x-genauth-app-id': 'x' }, pair, [UNKNOWN, UNKNOWN, UNKNOWN]],
  ['another app in the body', {}, { ...pair, client_id: 'other' }, [UNKNOWN, UNKNOWN, UNKNOWN]],
  ['another app in Basic', basic('other', SECRET), {}, [UNKNOWN, UNKNOWN, UNKNOWN]],
  ['a list as the id', {}, { ...pair, client_id: [ID] }, [UNKNOWN, UNKNOWN, UNKNOWN]],
])('checks %s by the configured method', (_title, headers, body, expected) => {
  expect(CONFIGS.map((config) => authenticateClient(config, { headers }, body))).toEqual(expected);
});

const request = (headers: Record<string, string>, body?: unknown) => ({
  method: 'POST',
  path: '',
  query: '',
  headers,
  body,
  requestId: '',
});

it.each<[string, Record<string, string>, [post: object, basic: object, none: object]]>([
  ['a form', {}, [{}, { 'www-authenticate': 'Basic' }, {}]],
  ['Basic', basic(ID, 'wrong'), Array(3).fill({ 'www-authenticate': 'Basic' }) as [object, object, object]],
])('names the scheme Basic in a refusal to %s by the configured method', (_title, headers, expected) => {
  const refusals = CONFIGS.map((config) => attempt(() => readClientForm(config, request(headers, 'client_id=other'))));
  const body = { error: 'invalid_client', error_description: 'client authentication failed' };
  expect(refusals).toMatchObject(expected.map((each) => ({ answer: { status: 401, headers: each, body } })));
});

it('returns the form of the right app', () => {
  const form = new URLSearchParams({ ...pair, token: 'x' }).toString();
  expect(Object.fromEntries(readClientForm(CONFIGS[0]!, request({}, form)))).toEqual({ ...pair, token: 'x' });
});

describe('parameters', () => {
  const refusal = (description: string): Error =>
    expect.objectContaining({ status: 400, error: 'invalid_request', description }) as Error;

  it('are decoded, and those without a value are left out', () => {
    expect([...readParameters('a=%2F+x&b=&c&d=1&__proto__=y')]).toEqual([
      ['a', '/ x'],
      ['d', '1'],
      ['__proto__', 'y'],
    ]);
  });

  it.each(['a=1&a=2', 'a=1&a=1', 'a=1&b=2&a=3'])('refuse a name that occurs twice: %s', (text) => {
    expect(() => readParameters(text)).toThrow(refusal('a parameter is included more than once'));
  });

  it.each([undefined, {}, { token: 'x' }])('refuse the body %j', (body) => {
    const description = 'the body must be application/x-www-form-urlencoded';
    expect(() => readForm(request({}, body))).toThrow(refusal(description));
  });

  it('refuse the absence of a required name', () => {
    expect(() => requireParameter(readParameters('toString=x'), 'token')).toThrow(
      refusal('missing required parameter token'),
    );
    expect(requireParameter(readParameters('token=x'), 'token')).toBe('x');
  });
});
