import fc from 'fast-check';
import { resolveRedirectOptions, type RedirectOptions } from '../../src/redirect/options.js';
import { isLocalPath } from '../../src/redirect/return-to.js';
import { propertyRuns } from '../support/property.js';

const CALLBACK = 'https://app.example.com/auth/genauth/callback';

const HOST = 'https://example.genauth.ai';

it('fills in the defaults', () => {
  expect(resolveRedirectOptions({ callbackUrl: CALLBACK }, HOST)).toEqual({
    callbackUrl: CALLBACK,
    startPath: undefined,
    cookieSecrets: undefined,
    returnTo: '/',
    failurePath: undefined,
    authorizationEndpoint: `${HOST}/oidc/auth`,
  });
});

it.each<[option: string, value: unknown, part: string]>([
  ['callbackUrl', undefined, 'is undefined'],
  ['callbackUrl', '/callback', 'is "/callback"'],
  ['callbackUrl', 'http://app.example.com/callback', 'http is possible on a loopback host'],
  ['callbackUrl', 'javascript:alert(1)', 'write the URL that is registered in the console'],
  ['callbackUrl', `${CALLBACK}#part`, '#part'],
  ['callbackUrl', 'https://user:canary@app.example.com/', 'write the URL'],
  ['startPath', 'https://other.example.com/', 'write a path of this application'],
  ['startPath', '//other.example.com', 'write a path of this application'],
  ['returnTo', 'orders', 'write a path of this application'],
  ['cookieSecret', 'canary-short', '32 characters or more'],
  ['cookieSecret', [], 'openssl rand -hex 32'],
  ['cookieSecret', undefined, 'leave the option out'],
  ['startPath', '/auth/genauth/callback', 'is the path of callbackUrl: use a route of its own'],
  ['failurePath', '/auth/genauth/callback?a=b', 'is the path of callbackUrl'],
  ['failurePath', '/start#top', 'is the path of startPath'],
  ['failurePath', 'https://other.example.com/', 'write a path of this application'],
  ['authorizationEndpoint', 'https://evil.example.com/oidc/auth', 'discovery document'],
  ['authorizationEndpoint', '/oidc/auth', 'discovery document'],
  ['authorizationEndpoint', `${HOST}/oidc/auth?client_id=a`, 'discovery document'],
  ['successRedirect', '/', 'write returnTo'],
  ['failureRedirect', '/login', 'write failurePath'],
  ['callbackUrl', ` ${CALLBACK}`, 'is " https'],
  ['cookieSecret', ['c'.repeat(32), 'canary'], '32 characters or more'],
  ['redirectUri', CALLBACK, 'write callbackUrl'],
  ['loginHint', 'alice', 'is not an option'],
])('refuses %s: %j', (option, value, part) => {
  const options = { callbackUrl: CALLBACK, startPath: '/start', [option]: value } as RedirectOptions;
  const resolve = (): unknown => resolveRedirectOptions(options, HOST);
  expect(resolve).toThrow(expect.objectContaining({ code: 'invalid_options', message: expect.stringContaining(part) }));
  expect(resolve).toThrow(expect.objectContaining({ message: expect.stringMatching(new RegExp(`^${option} `)) }));
  expect(resolve).not.toThrow(/canary/);
});

it.each(['/', '/orders', '/a/b?c=d&e=%20#f', '/@user', '/a//b', '/.'])('%s is a path of this application', (path) => {
  expect(isLocalPath(path)).toBe(true);
});

it.each(
  [
    '',
    'orders',
    '//a',
    '/.//a',
    '/a/..//b',
    '/\\a',
    '\\/a',
    '/\t/a',
    '/\n//a',
    'https://a',
    '/a b',
    '/ä',
    `/${'a'.repeat(512)}`,
    null,
    ['/'],
  ].map((path) => [path]),
)('%j is no path of this application', (path) => {
  expect(isLocalPath(path)).toBe(false);
});

/** Also if an application passes the normalized path on. */
function stays(path: string): boolean {
  const { origin, pathname } = new URL(path, 'https://app.example.com/auth');
  return origin === 'https://app.example.com' && new URL(pathname, origin).origin === origin;
}

it('each accepted path stays on the origin of the application, with any characters', () => {
  const character = fc.constantFrom('/', '\\', 'a', ':', '@', '.', '?', '#', '%', '\t', '\n', ' ', '\u0000');
  const check = (rest: string): boolean => {
    const path = `/${rest}`;
    return !isLocalPath(path) || stays(path);
  };
  const runs = { ...propertyRuns(), numRuns: 5000 };
  fc.assert(fc.property(fc.string({ unit: character, maxLength: 12 }), check), runs);
});
