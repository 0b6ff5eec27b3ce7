import { GenAuthClient } from '../../src/core/client.js';
import { ConfigurationError, type GenAuthError } from '../../src/core/errors.js';
import { resolveOptions } from '../../src/core/options/resolve-options.js';
import type { GenAuthOptions } from '../../src/core/options/types.js';
import { requireAuth } from '../../src/express/require-auth.js';
import { APP_ID, JWKS_PATH, SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { catchError } from '../support/promise.js';
import { catchThrown } from '../support/thrown.js';
import { type Kind, VerifierBench } from '../support/token-verifier.js';

const issuer = useIssuer();
const bench = new VerifierBench(issuer);
const REQUIRED = { appId: 'app', appSecret: 'secret-of-the-test', appHost: 'https://example.genauth.ai' };
const LONG = 'x'.repeat(5000);

describe('mistakes in options', () => {
  it('are told one by one, in the words of the message', () => {
    const options = { ...REQUIRED, appSecret: '', timeout: 0, jwks: { ttl: 1 }, scopes: 'x', scope: 'email' };
    const error = catchThrown(() => resolveOptions(options as unknown as GenAuthOptions)) as ConfigurationError;
    expect(error.details.mistakes).toEqual([
      { option: 'scopes', problem: 'is not an option', fix: 'write scope' },
      { option: 'appSecret', problem: 'is missing', fix: expect.stringContaining('copy it from the console') },
      {
        option: 'scope',
        problem: `is "email" without 'openid'`,
        fix: "add 'openid', because GenAuth sends no id_token without it",
      },
      {
        option: 'jwks.ttl',
        problem: 'is not an option',
        fix: 'remove it, or write one of maxAge, cooldown, staleIfError',
      },
      { option: 'timeout', problem: 'is 0', fix: 'write a whole number of milliseconds from 1 to 600000' },
    ]);
    const lines = error.details.mistakes.map(({ option, problem, fix }) => `  - ${option} ${problem}: ${fix}.`);
    expect(error.message.split('\n').slice(1)).toEqual(lines);
  });

  it.each<[string, () => unknown, string]>([
    ['options that are none', () => resolveOptions(5 as unknown as GenAuthOptions), 'options'],
    [
      'sign-in options',
      () => resolveOptions({ ...REQUIRED, signInOptions: { tenantId: '' } }),
      'signInOptions.tenantId',
    ],
    ['an address for the logout', () => logout({ postLogoutRedirectUri: 'x' }), 'postLogoutRedirectUri'],
    ['requireAuth: an unknown option', () => requireAuth(open(), { scope: ['a'] } as object), 'scope'],
    ['requireAuth: no scopes', () => requireAuth(open(), { scopes: [] }), 'scopes'],
    ['requireAuth: introspect', () => requireAuth(open(), { introspect: 5 } as object), 'introspect'],
    ['requireAuth: optional beside roles', () => requireAuth(open(), { optional: true, roles: ['a'] }), 'optional'],
  ])('%s', (_name, run, option) => {
    const error = catchThrown(run) as ConfigurationError;
    expect(error).toBeInstanceOf(ConfigurationError);
    expect(error.details.mistakes).toEqual([
      { option, problem: expect.stringMatching(/./), fix: expect.stringMatching(/[^.]$/) },
    ]);
  });

  it('of one sign-in', async () => {
    const error = await catchError(open().signIn({ account: 'a', password: 'p' }, { clientIp: 'x', tenantId: '' }));
    expect((error as ConfigurationError).details.mistakes.map(({ option }) => option)).toEqual([
      'clientIp',
      'tenantId',
    ]);
  });
});

const open = (): GenAuthClient<string> => new GenAuthClient(REQUIRED);
const logout = (parameters: object): string => open().buildLogoutUrl(parameters);

describe('a request that is refused', () => {
  it.each<[object, object]>([
    [
      { account: 'x'.repeat(257), password: 'p' },
      { field: 'account', limit: 256, unit: 'characters' },
    ],
    [
      { phone: '1', password: '' },
      { field: 'password', limit: 1024, unit: 'characters' },
    ],
    [{ password: 'p' }, {}],
  ])('%#', async (credentials, details) => {
    const error = (await catchError(open().signIn(credentials as never))) as GenAuthError;
    expect([error.code, error.details]).toEqual(['invalid_request', details]);
  });
});

describe('a token that is refused', () => {
  it.each<[string, Kind, { header?: object; payload?: object }, object]>([
    [
      'issuer',
      'id_token',
      { payload: { iss: 'https://other.example/oidc' } },
      { claim: 'iss', actual: 'https://other.example/oidc' },
    ],
    ['a long issuer', 'id_token', { payload: { iss: LONG } }, { claim: 'iss', actual: LONG.slice(0, 512) }],
    ['an issuer that is an object', 'id_token', { payload: { iss: { a: LONG } } }, { claim: 'iss', actual: {} }],
    [
      'audience',
      'access_token',
      { payload: { aud: ['a', 'b'] } },
      { claim: 'aud', expected: [APP_ID], actual: ['a', 'b'] },
    ],
    [
      'authorized party',
      'id_token',
      { payload: { azp: 'other' } },
      { claim: 'azp', expected: APP_ID, actual: 'other' },
    ],
    ['algorithm', 'id_token', { header: { alg: 'HS256' } }, { claim: 'alg', expected: 'RS256', actual: 'HS256' }],
    ['type', 'id_token', { header: { typ: 'at+jwt' } }, { claim: 'typ', actual: 'at+jwt' }],
    ['subject', 'access_token', { payload: { sub: '' } }, { claim: 'sub', actual: '' }],
  ])('%s', async (_name, kind, { header, payload }, expected) => {
    const { forge, ...right } = bench.material(kind);
    const token = forge({ ...right.header, ...header }, { ...right.payload, ...payload });
    const error = (await catchError(bench.verify(kind, token))) as GenAuthError;
    expect(error.details).toMatchObject({ token: kind, ...expected });
    expect(Object.isFrozen(error.details)).toBe(true);
  });

  it.each<[string, string]>([
    ['two parts', 'a.b'],
    ['no base64url', 'a.b.c'],
    ['no JSON', 'YQ.YQ.YQ'],
  ])('%s', async (_name, token) => {
    const error = (await catchError(bench.verify('access_token', token))) as GenAuthError;
    expect([error.code, error.details]).toEqual(['token_malformed', { token: 'access_token' }]);
  });

  it('claims are an object like any other, though a polluted prototype was not read', async () => {
    const claims = await bench.verify('access_token', bench.material('access_token').forge());
    expect([Object.getPrototypeOf(claims), `${claims as unknown as string}`]).toEqual([
      Object.prototype,
      '[object Object]',
    ]);
  });

  it('key', async () => {
    const { forge, header } = bench.material('access_token');
    const error = (await catchError(bench.verify('access_token', forge({ ...header, kid: 'new' })))) as GenAuthError;
    expect(error.details).toEqual({ claim: 'kid', expected: [issuer().key.kid], actual: 'new' });
  });

  it.each<[object, object]>([
    [{ exp: -60 }, { claim: 'exp', seconds: 60 }],
    [
      { iat: 60, exp: 3600 },
      { claim: 'iat', seconds: 60 },
    ],
    [{ nbf: 90 }, { claim: 'nbf', seconds: 90 }],
  ])('times %j', async (times, expected) => {
    const { forge, payload, seconds } = bench.material('access_token');
    const moved = Object.fromEntries(Object.entries(times).map(([name, ahead]) => [name, seconds + Number(ahead)]));
    const iat = 'exp' in moved && !('iat' in moved) ? { iat: seconds - 3600 } : {};
    const error = await catchError(bench.verify('access_token', forge(undefined, { ...payload, ...iat, ...moved })));
    expect((error as GenAuthError).details).toMatchObject(expected);
  });
});

describe('GenAuth that cannot be used', () => {
  it('says what was requested, and why it failed', async () => {
    const { url } = issuer();
    const client = new GenAuthClient({ ...issuer().clientOptions, timeout: 1000 });
    issuer().reply(JWKS_PATH, { body: 'x'.repeat(300_000) });
    expect(await catchError(client.warmUp())).toMatchObject({
      details: { request: expect.stringMatching(`^GET ${url}/oidc/`), limit: 262_144 },
    });
    client.close();
    const down = new GenAuthClient({ ...REQUIRED, appHost: 'http://127.0.0.1:9' });
    expect(await catchError(down.getCaptcha())).toMatchObject({
      details: { request: 'GET http://127.0.0.1:9/api/v3/get-captcha-code', systemCode: 'ECONNREFUSED' },
    });
    down.close();
  });

  it('says the HTTP status of a sign-in, whatever the envelope says', async () => {
    const client = new GenAuthClient(issuer().clientOptions);
    for (const statusCode of [408, 500, 610]) {
      issuer().reply(SIGN_IN_PATH, { body: { statusCode, message: 'x' } });
      expect(await catchError(client.signIn({ account: 'a', password: 'p' }))).toMatchObject({
        code: 'upstream_unavailable',
        answer: { statusCode },
        details: { request: 'POST /api/v3/signin', httpStatus: 200 },
      });
    }
    client.close();
  });

  it('says which issuer discovery has', async () => {
    const client = new GenAuthClient({ ...issuer().clientOptions, issuer: 'https://mine.example/oidc' });
    expect(await catchError(client.warmUp())).toMatchObject({
      details: { mistakes: [], expected: 'https://mine.example/oidc', actual: issuer().issuer },
    });
    client.close();
  });
});
