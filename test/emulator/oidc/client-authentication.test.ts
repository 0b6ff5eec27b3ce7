import { authenticateClient, readClientForm } from '../../../src/emulator/oidc/client-authentication.js';
import { readForm, readParameters, requireParameter } from '../../../src/emulator/oidc/parameters.js';
import { resolveOptions } from '../../../src/emulator/options.js';

const ID = 'app-1';
const SECRET = 's3cret:with:colons and-ü&=+%';
const METHODS = ['client_secret_post', 'client_secret_basic', 'none'] as const;
const CONFIGS = METHODS.map((tokenEndpointAuthMethod) =>
  resolveOptions({ appId: ID, appSecret: SECRET, tokenEndpointAuthMethod }),
);

const basic = (user: string, password: string, scheme = 'Basic') => ({
  authorization: `${scheme} ${Buffer.from(`${user}:${password}`).toString('base64')}`,
});
const header = { 'x-authing-app-id': ID };
const newHeader = { 'x-genauth-app-id': ID };
const pair = { client_id: ID, client_secret: SECRET };
const BASIC = basic(ID, SECRET);

const OK = 'ok';
const NO = 'client_authentication_failed';
const UNKNOWN = 'app_not_found';

/** Credentials → results for an app with the method `client_secret_post`, `client_secret_basic`, `none`. */
it.each<[string, Record<string, string>, Record<string, unknown>, [post: string, basic: string, none: string]]>([
  ['id and secret in the body', {}, pair, [OK, NO, NO]],
  ['a secret without an id in the body', header, { client_secret: SECRET }, [NO, NO, NO]],
  ['the id of another app in the body', header, { ...pair, client_id: 'other' }, [NO, NO, NO]],
  ['only the app header', header, {}, [NO, NO, OK]],
  ['only the id in the body', {}, { client_id: ID }, [NO, NO, OK]],
  ['only Basic', BASIC, {}, [NO, OK, NO]],
  ['Basic, and id and secret in the body', BASIC, pair, [NO, NO, NO]],
  ['Basic with a scheme in lower case', basic(ID, SECRET, 'basic'), { client_id: ID }, [NO, OK, NO]],
  ['form-encoded Basic', basic(ID, encodeURIComponent(SECRET).replaceAll('%20', '+')), {}, [NO, OK, NO]],
  ['Basic without a colon', { authorization: `Basic ${btoa(ID)}` }, {}, [NO, NO, NO]],
  ['no credentials', {}, {}, [UNKNOWN, UNKNOWN, UNKNOWN]],
  ['another app in the app header', { ...newHeader, 'x-authing-app-id': 'x' }, pair, [UNKNOWN, UNKNOWN, UNKNOWN]],
])('checks %s by the configured method', (_title, headers, body, expected) => {
  expect(CONFIGS.map((config) => authenticateClient(config, { headers }, body))).toEqual(expected);
});

const request = (headers: Record<string, string>, body?: unknown) => {
  const others = { method: 'POST', path: '', query: '', requestId: '' };
  return { ...others, headers, body };
};
const refusal = (status: number, error: string, description: string, headers = {}): Error =>
  expect.objectContaining({ status, error, description, headers }) as Error;

it.each<[(typeof METHODS)[number], Record<string, string>, Record<string, string>]>([
  ['client_secret_post', {}, {}],
  ['client_secret_basic', {}, { 'www-authenticate': 'Basic' }],
  ['none', basic(ID, 'wrong'), { 'www-authenticate': 'Basic' }],
])('with %s refuses a form with the headers %j and answers the headers %j', (method, headers, expected) => {
  const read = () => readClientForm(CONFIGS[METHODS.indexOf(method)]!, request(headers, 'client_id=other'));
  expect(read).toThrow(refusal(401, 'invalid_client', 'client authentication failed', expected));
});

it('reads the parameters of the right app, and leaves out those without a value', () => {
  const form = `${String(new URLSearchParams(pair))}&token=%2F+x&b=&c&__proto__=y`;
  const parameters = readClientForm(CONFIGS[0]!, request({}, form));
  expect([...parameters]).toEqual([...Object.entries(pair), ['token', '/ x'], ['__proto__', 'y']]);
  expect(requireParameter(parameters, 'token')).toBe('/ x');
});

it.each<[string, () => unknown]>([
  ['a parameter is included more than once', () => readParameters('a=1&b=2&a=1')],
  ['the body must be application/x-www-form-urlencoded', () => readForm(request({}, { token: 'x' }))],
  ['missing required parameter token', () => requireParameter(readParameters('toString=x'), 'token')],
])('refuses with "%s"', (description, read) => {
  expect(read).toThrow(refusal(400, 'invalid_request', description));
});
