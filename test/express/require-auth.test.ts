import type { Request } from 'express';
import { GenAuthClient, type RequireAuthOptions, requireAuth } from '../../src/index.js';
import { useClients } from '../support/client.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { JWKS_PATH, SUBJECT, useIssuer } from '../support/issuer.js';
import { createLoginApp } from '../support/login-app.js';
import { INTROSPECTION_PATH, USER_INFO_PATH, bearer } from '../support/marked-routes.js';
import { catchThrown } from '../support/thrown.js';
import { type WebAnswer, ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const issuer = useIssuer();
const open = useClients(issuer);
const serve = useWebServer();

const codeOf = ({ text }: WebAnswer): unknown => (JSON.parse(text) as { code?: string }).code;

describe.each(EXPRESS_VERSIONS)('requireAuth on %s', (_version, express) => {
  let now: number;
  let client: GenAuthClient;
  beforeEach(() => {
    now = Date.now();
    client = open({}, { now: () => now });
  });
  const start = (options?: RequireAuthOptions): Promise<string> =>
    serve(createLoginApp(express, { strategies: [], authenticate: () => requireAuth(client, options) }));
  const get = (url: string, authorization?: string, headers: Record<string, string> = {}): Promise<WebAnswer> =>
    ask(url, { path: '/login', headers: { ...headers, ...(authorization !== undefined && { authorization }) } });
  /** What comes back for a right token with these claims. */
  const getWith = async (options: RequireAuthOptions, claims: object): Promise<WebAnswer> =>
    get(await start(options), bearer(issuer(), claims));

  it('puts user and authInfo on the request, and nothing else', async () => {
    const claims = issuer().accessTokenClaims({ tenant_id: 't', email: 'alice@example.com' });
    const { status, text } = await get(await start(), `Bearer ${issuer().sign(claims)}`);
    expect([status, JSON.parse(text)]).toEqual([
      200,
      { user: { sub: SUBJECT, scope: ['openid', 'profile'], tenant_id: 't' }, authInfo: { claims } },
    ]);
  });

  it('optional, without a token: whom a session knows is nobody here', async () => {
    const guard = requireAuth(client, { optional: true });
    const app = createLoginApp(express, {
      strategies: [],
      prepare: (made) =>
        void made.use((req, _res, next) => next(void Object.assign(req, { user: { sub: 'session' } }))),
      authenticate: () => guard,
    });
    const { status, text } = await get(await serve(app));
    expect([status, JSON.parse(text)]).toEqual([200, {}]);
  });

  it.each<[string, RequireAuthOptions['scopes'], string, boolean]>([
    ['one', ['email'], 'openid email', true],
    ['one that is missing', ['email'], 'openid', false],
    ['all, in another order', ['email', 'phone'], 'phone openid email', true],
    ['all, one missing', ['email', 'phone'], 'openid email', false],
    ['all by name', { all: ['email', 'phone'] }, 'openid email', false],
    ['any', { any: ['email', 'phone'] }, 'openid phone', true],
    ['any, none there', { any: ['email', 'phone'] }, 'openid profile', false],
    ['a part of a name', ['email'], 'openid emails email:read', false],
    ['none granted', ['email'], '', false],
    ['what is on every prototype', ['constructor'], 'openid', false],
  ])('scopes: %s: %j of %j: %s', async (_title, scopes, scope, passes) => {
    const answer = await getWith({ scopes }, { scope });
    if (passes) return expect(answer.status).toBe(200);
    const names = Array.isArray(scopes) ? scopes : Object.values(scopes ?? {}).flat();
    const challenge = `Bearer realm="genauth", error="insufficient_scope", scope="${names.join(' ')}"`;
    return expect([answer.status, codeOf(answer), answer.headers['www-authenticate']]).toEqual([
      403,
      'insufficient_scope',
      challenge,
    ]);
  });

  it.each<[string, RequireAuthOptions['roles'], unknown, boolean]>([
    ['texts', ['admin', 'auditor'], ['auditor'], true],
    ['objects', ['admin'], [{ code: 'admin', id: 'r1' }], true],
    ['both', { all: ['admin', 'auditor'] }, ['admin', { code: 'auditor' }], true],
    ['one of all', { all: ['admin', 'auditor'] }, ['admin'], false],
    ['one twice of all', { all: ['admin', 'auditor'] }, ['admin', { code: 'admin' }], false],
    ['any by name', { any: ['admin', 'auditor'] }, ['auditor'], true],
    ['others', ['admin'], ['user', 'Admin', 'admin ', 'administrator'], false],
    ['another member than code', ['admin'], [{ name: 'admin' }, { id: 'admin' }], false],
    ['a code that is a list', ['admin'], [{ code: ['admin'] }], false],
    ['a list in a list', ['admin'], [['admin']], false],
    ['a text in place of a list', ['admin'], 'admin', false],
    ['an object in place of a list', ['admin'], { admin: true, code: 'admin' }, false],
    ['no roles', ['admin'], [], false],
    ['null', ['admin'], null, false],
    ['true', ['admin'], [true, null, 5], false],
  ])('roles: %s: %j of %j: %s', async (_title, roles, held, passes) => {
    const answer = await getWith({ roles }, { roles: held });
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([passes ? 200 : 403, undefined]);
    if (!passes) expect(codeOf(answer)).toBe('insufficient_role');
    // The token says it, even if what it says is nothing.
    expect(issuer().count(USER_INFO_PATH)).toBe(0);
  });

  it.each<[string, unknown, unknown, boolean]>([
    ['the same', () => 'tenant-1', 'tenant-1', true],
    ['a promise of the same', async () => 'tenant-1', 'tenant-1', true],
    ['of the request', (req: Request) => req.headers['x-tenant'], 'tenant-1', true],
    ['another', () => 'tenant-2', 'tenant-1', false],
    ['another case', () => 'TENANT-1', 'tenant-1', false],
    ['undefined', () => undefined, 'tenant-1', false],
    ['a promise of undefined', async () => undefined, 'tenant-1', false],
    ['undefined, and null in the token', () => undefined, null, false],
    ['null, and null in the token', () => null, null, false],
    ['empty, and empty in the token', () => '', '', false],
    ['a number', () => 7, 7, false],
    ['a list', () => ['tenant-1'], ['tenant-1'], false],
    ['an object that is equal to everything', () => ({ toString: () => 'tenant-1' }), 'tenant-1', false],
  ])('tenant: %s: %s against %j: %s', async (_title, tenant, held, passes) => {
    const url = await start({ tenant: tenant as () => string });
    const answer = await get(url, bearer(issuer(), { tenant_id: held }), { 'x-tenant': 'tenant-1' });
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([passes ? 200 : 403, undefined]);
    if (!passes) expect(codeOf(answer)).toBe('tenant_mismatch');
    expect(issuer().count(USER_INFO_PATH)).toBe(0);
  });

  const boom = Object.assign(new Error('of the application'), { name: 'OwnError', code: 'own' });
  it.each<[string, () => never | Promise<never>]>([
    [
      'throws',
      () => {
        throw boom;
      },
    ],
    ['rejects', () => Promise.reject(boom)],
  ])('tenant that %s: the error goes to Express as it is', async (_title, tenant) => {
    const { status, text } = await getWith({ tenant }, { tenant_id: 'tenant-1' });
    expect([status, JSON.parse(text)]).toEqual([500, { thrown: { name: 'OwnError', code: 'own' } }]);
  });

  it.each<[string, () => never | Promise<never>]>([
    [
      'throws nothing',
      () => {
        throw null;
      },
    ],
    ['rejects with nothing', () => Promise.reject()],
    ['rejects with a word of Express', () => Promise.reject('route')],
    ['rejects with the other word of Express', () => Promise.reject('router')],
  ])('tenant that %s: nobody gets through', async (_title, tenant) => {
    const { status, text } = await getWith({ tenant }, { tenant_id: 'tenant-1' });
    expect([status, JSON.parse(text)]).toEqual([500, { thrown: { name: 'Error' } }]);
  });

  it('asks no tenant of the application before the token and the rest are right', async () => {
    let asked = 0;
    const tenant = (): string => `tenant-${(asked += 1)}`;
    const url = await start({ tenant, scopes: ['email'], roles: ['admin'] });
    expect((await get(url)).status).toBe(401);
    expect((await get(url, 'Bearer a.b.c')).status).toBe(401);
    expect(codeOf(await get(url, bearer(issuer(), { roles: ['admin'] })))).toBe('insufficient_scope');
    expect(codeOf(await get(url, bearer(issuer(), { scope: 'email', roles: [] })))).toBe('insufficient_role');
    expect(asked).toBe(0);
    const all = { scope: 'email', roles: ['admin'], tenant_id: 'tenant-1' };
    expect((await get(url, bearer(issuer(), all))).status).toBe(200);
  });

  it.each([
    ['no header', undefined, 200],
    ['another scheme', 'Basic YTpi', 200],
    ['the scheme alone', 'Bearer', 401],
    ['garbage', 'Bearer x', 401],
    ['two tokens', 'Bearer a.b.c d.e.f', 401],
    ['a quoted token', 'Bearer "a.b.c"', 401],
  ])('optional, %s: %i', async (_title, authorization, status) => {
    const answer = await get(await start({ optional: true }), authorization);
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toEqual(status === 200 ? {} : expect.objectContaining({ code: 'invalid_token' }));
  });

  it('optional: an expired token is no anonymous one, a right one is its bearer’s', async () => {
    const url = await start({ optional: true });
    expect((await get(url, bearer(issuer(), { iat: 1000, exp: 2000 }))).status).toBe(401);
    expect(JSON.parse((await get(url, bearer(issuer()))).text)).toMatchObject({ user: { sub: SUBJECT } });
    // While the keys cannot be had nobody knows whether it is right.
    client = open();
    issuer().reply(JWKS_PATH, { status: 500 });
    expect((await get(await start({ optional: true }), bearer(issuer()))).status).toBe(503);
  });

  describe('introspect', () => {
    const say = (body: unknown): void => issuer().reply(INTROSPECTION_PATH, { body });
    const asked = (): number => issuer().count(INTROSPECTION_PATH);

    it.each<[string, unknown, number, string | undefined]>([
      ['active', { active: true }, 200, undefined],
      ['active, of the same person', { active: true, sub: SUBJECT }, 200, undefined],
      ['active, of another person', { active: true, sub: 'other' }, 502, 'upstream_invalid_response'],
      ['not active', { active: false }, 401, 'invalid_token'],
      ['active as a text', { active: 'true' }, 502, 'upstream_invalid_response'],
      ['nothing', {}, 502, 'upstream_invalid_response'],
      ['an error of OAuth', { error: 'server_error' }, 502, 'upstream_invalid_response'],
      ['our secret is wrong', { error: 'invalid_client' }, 500, 'configuration_error'],
    ])('%s: %j: %i', async (_title, body, status, code) => {
      say(body);
      const answer = await getWith({ introspect: { maxAge: 1000 } }, {});
      expect([answer.status, codeOf(answer)]).toEqual([status, code]);
    });

    it('counts an answer for as long as it is told, and not a millisecond longer', async () => {
      const url = await start({ introspect: { maxAge: 1000 } });
      const token = bearer(issuer(), { exp: Math.floor(now / 1000) + 3600 });
      say({ active: true });
      for (const wait of [0, 500, 499]) {
        now += wait;
        expect((await get(url, token)).status).toBe(200);
      }
      expect(asked()).toBe(1);
      say({ active: false });
      now += 1;
      expect((await get(url, token)).status).toBe(401);
      expect(asked()).toBe(2);
    });

    it('0 asks for each request; left out, nobody is asked', async () => {
      say({ active: true });
      const [always, never] = [await start({ introspect: { maxAge: 0 } }), await start()];
      const token = bearer(issuer());
      for (let i = 0; i < 3; i++) await get(always, token);
      expect(asked()).toBe(3);
      await get(never, token);
      expect(asked()).toBe(3);
    });

    it('does not ask about a token that does not verify', async () => {
      const url = await start({ introspect: { maxAge: 0 } });
      for (const authorization of [undefined, 'Bearer a.b.c', bearer(issuer(), { aud: 'other' })]) {
        expect((await get(url, authorization)).status).toBe(401);
      }
      expect(asked()).toBe(0);
    });
  });

  it('serves a hundred bearers at once, each as themself', async () => {
    const url = await start({ roles: ['admin'] });
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, i) =>
        get(url, bearer(issuer(), { sub: `person-${i}`, roles: i % 2 === 0 ? ['admin'] : [] })),
      ),
    );
    const seen = answers.map(({ status, text }) => [
      status,
      (JSON.parse(text) as { user?: { sub: string } }).user?.sub,
    ]);
    expect(seen).toEqual(seen.map((_, i) => (i % 2 === 0 ? [200, `person-${i}`] : [403, undefined])));
    expect(issuer().count(JWKS_PATH)).toBe(1);
  });
});

describe('options that are wrong', () => {
  it.each<[string, unknown, RegExp]>([
    [
      'an option in the singular',
      { scope: ['email'] },
      /"scope" is not an option of requireAuth: use only scopes, roles/,
    ],
    ['an option of another library', { requiredScopes: ['email'] }, /"requiredScopes" is not an option/],
    ['scopes that are a text', { scopes: 'email' }, /scopes of a route are "email"/],
    ['no scopes', { scopes: [] }, /scopes of a route are \[\]/],
    ['no scopes of which any', { scopes: { any: [] } }, /scopes of a route are \[\]/],
    ['scopes that are null', { scopes: null }, /scopes of a route are null/],
    ['scopes that are an empty object', { scopes: {} }, /scopes of requireAuth is an object: write a list/],
    ['any and all at once', { scopes: { any: ['a'], all: ['b'] } }, /scopes of requireAuth is an object/],
    ['optional that is a text', { optional: 'false' }, /optional of requireAuth is "false": write true or false/],
    ['a tenant that is a text', { tenant: 't' }, /tenant of requireAuth is "t": write a function/],
    [
      'introspect that is a number',
      { introspect: 10 },
      /introspect of requireAuth is 10: write true, or { maxAge: 10_000 }/,
    ],
    ['introspect that is a text', { introspect: '10' }, /introspect of requireAuth is "10"/],
    ['introspect that is false', { introspect: false }, /introspect of requireAuth is false/],
    ['introspect without maxAge', { introspect: {} }, /introspect of requireAuth is an object with the members \[\]/],
    ['introspect below zero', { introspect: { maxAge: -1 } }, /introspect of requireAuth is { maxAge: -1 }/],
    ['introspect that is NaN', { introspect: { maxAge: NaN } }, /introspect of requireAuth is { maxAge: NaN }/],
    [
      'introspect with an unknown member',
      { introspect: { maxAge: 1, max: 1 } },
      /introspect of requireAuth is an object with the members \["maxAge", "max"\]/,
    ],
    ['scopes by another word', { scopes: { some: ['email'] } }, /scopes of requireAuth is an object: write a list/],
    ['scopes in one text', { scopes: ['email phone'] }, /scopes of a route are \["email phone"\]/],
    ['an empty scope', { scopes: ['email', ''] }, /scopes of a route are/],
    ['a scope with a quote, for the challenge', { scopes: ['a"b'] }, /scopes of a route are/],
    ['a scope with a line break', { scopes: ['a\r\nset-cookie: a=b'] }, /scopes of a route are/],
    ['a scope that is a number', { scopes: ['email', 5] }, /scopes of a route are/],
    [
      'optional beside scopes',
      { optional: true, scopes: ['email'] },
      /optional of requireAuth is set together with scopes, roles or tenant/,
    ],
    [
      'optional beside roles',
      { optional: true, roles: { all: ['admin'] } },
      /optional of requireAuth is set together with scopes/,
    ],
    [
      'optional beside a tenant',
      { optional: true, tenant: () => 't' },
      /optional of requireAuth is set together with scopes/,
    ],
    ['no roles', { roles: [] }, /roles of a route are \[\]/],
    ['roles that are a text', { roles: 'admin' }, /roles of a route are "admin"/],
    ['an empty role', { roles: [''] }, /roles of a route are/],
    ['a role that is undefined', { roles: ['admin', undefined] }, /roles of a route are/],
    ['roles that are a promise', { roles: Promise.resolve(['admin']) }, /roles of requireAuth is an object/],
  ])('%s: nothing starts, and the error says why', (_title, options, message) => {
    const client = new GenAuthClient(issuer().clientOptions);
    expect(catchThrown(() => requireAuth(client, options as RequireAuthOptions))).toMatchObject({
      name: 'ConfigurationError',
      code: 'invalid_options',
      message: expect.stringMatching(message),
    });
  });

  it('a list that is changed later changes nothing', async () => {
    const [, express] = EXPRESS_VERSIONS.at(-1)!;
    const roles = ['admin'];
    const handler = requireAuth(open(), { roles });
    roles[0] = 'user';
    const url = await serve(createLoginApp(express, { strategies: [], authenticate: () => handler }));
    const headers = { authorization: bearer(issuer(), { roles: ['user'] }) };
    expect((await ask(url, { path: '/login', headers })).status).toBe(403);
  });
});
