import { Controller, HttpCode, Post, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import type { RequestListener } from 'node:http';
import passport from 'passport';
import {
  GenAuthAdStrategy,
  GenAuthClient,
  type GenAuthOptions,
  GenAuthPasswordStrategy,
  genAuthErrorHandler,
  signInHandler,
} from '../../src/index.js';
import { CurrentUser, GenAuthAdGuard, GenAuthModule, GenAuthPasswordGuard } from '../../src/nest/index.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import {
  ANSWERS,
  type Authorization,
  type GuardedAnswer,
  type GuardedWay,
  type Route,
  expectEverywhere,
  startGuardedWays,
} from '../support/guarded-ways.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { Issuer, JWKS_PATH, type Reply, SIGN_IN_PATH, SUBJECT } from '../support/issuer.js';
import { USER_INFO_PATH, bearer } from '../support/marked-routes.js';
import { PLATFORMS, type Platform, startNestApp } from '../support/nest-app.js';
import { rejection } from '../support/rejection.js';
import { HEADER_FLAWS } from '../support/token-flaw.js';
import { ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const serve = useWebServer();

let issuer: Issuer;
beforeAll(async () => {
  issuer = await Issuer.start();
});
afterEach(() => issuer.reset());
afterAll(() => issuer.close());

describe('a guarded route of GenAuthGuard, AuthGuard, requireAuth and the bearer strategy', () => {
  let ways: readonly GuardedWay[];
  let close: () => Promise<void>;
  beforeAll(async () => {
    ({ ways, close } = await startGuardedWays({ ...issuer.clientOptions, timeout: 2000 }));
  });
  afterAll(() => close());

  const hour = 3600;
  const passes = (claims: object = {}): GuardedAnswer => ({
    status: 200,
    headers: {},
    body: { user: { sub: SUBJECT, scope: ['openid', 'profile'], tenant_id: null, ...claims } },
  });
  type Row = [title: string, make: () => Authorization, expected: GuardedAnswer, route?: Route, userInfo?: Reply];
  const token = (claims: object = {}) => bearer(issuer, claims);
  const now = (): number => Math.floor(Date.now() / 1000);

  it.each<Row>([
    ['accepts a valid token', token, passes()],
    ['accepts a scheme in lower case', () => token().replace('Bearer', 'bearer'), passes()],
    ['refuses a request without a token', () => undefined, ANSWERS.token_missing],
    ['refuses another scheme', () => 'Basic YWxpY2U6cA==', ANSWERS.token_missing],
    ['refuses text that is not a token', () => 'Bearer a.b.c', ANSWERS.invalid_token],
    ['refuses two tokens in one header', () => `${token()}, ${token()}`, ANSWERS.invalid_token],
    ['refuses two Authorization headers', () => [token(), token()], ANSWERS.invalid_token],
    ['refuses an expired token', () => token({ iat: now() - 2 * hour, exp: now() - hour }), ANSWERS.invalid_token],
    ['refuses a token for another audience', () => token({ aud: 'another-app' }), ANSWERS.invalid_token],
    ['refuses a token of another issuer', () => token({ iss: 'https://evil.invalid/oidc' }), ANSWERS.invalid_token],
    ['refuses a changed signature', () => `${token().slice(0, -6)}AAAAAA`, ANSWERS.invalid_token],
    ['refuses an id_token', () => `Bearer ${issuer.sign(issuer.idTokenClaims())}`, ANSWERS.invalid_token],
    ['refuses a missing scope', () => token({ scope: 'openid email' }), ANSWERS.insufficient_scope, 'scopes'],
    [
      'accepts all required scopes',
      () => token({ scope: 'email orders:read' }),
      passes({ scope: ['email', 'orders:read'] }),
      'scopes',
    ],
    ['accepts one of two scopes', () => token({ scope: 'email' }), passes({ scope: ['email'] }), 'any-scope'],
    ['refuses a missing role', () => token({ roles: ['user'] }), ANSWERS.insufficient_role, 'roles'],
    ['accepts one of two roles', () => token({ roles: ['auditor'] }), passes(), 'roles'],
    [
      'refuses one role of two that are required',
      () => token({ roles: ['admin'] }),
      ANSWERS.insufficient_role,
      'all-roles',
    ],
    ['refuses another tenant', () => token({ tenant_id: 'tenant-2' }), ANSWERS.tenant_mismatch, 'tenant'],
    ['accepts the tenant', () => token({ tenant_id: 'tenant-1' }), passes({ tenant_id: 'tenant-1' }), 'tenant'],
    ['asks for a token before it checks roles', () => undefined, ANSWERS.token_missing, 'roles'],
    ['reads roles from user info', () => token(), passes(), 'roles', { body: { sub: SUBJECT, roles: ['admin'] } }],
    [
      'reads the tenant from user info',
      () => token({ tenant_id: undefined, jti: 'tenant' }),
      passes(),
      'tenant',
      { body: { sub: SUBJECT, tenant_id: 'tenant-1' } },
    ],
    [
      'refuses the tenant that user info does not name',
      () => token({ jti: 'no-tenant' }),
      ANSWERS.tenant_mismatch,
      'tenant',
      { body: { sub: SUBJECT } },
    ],
    [
      'answers 503 if user info fails',
      () => token({ jti: '503' }),
      ANSWERS.upstream_unavailable,
      'roles',
      { status: 503 },
    ],
    [
      'answers 502 if user info is about another user',
      () => token({ jti: '502' }),
      ANSWERS.upstream_invalid_response,
      'roles',
      { body: { sub: 'another', roles: ['admin'] } },
    ],
    [
      'refuses a token that user info refuses',
      () => token({ jti: '401' }),
      ANSWERS.invalid_token,
      'tenant',
      { status: 401 },
    ],
  ])('%s', async (...[, make, expected, route, userInfo = { status: 404 }]) => {
    issuer.reply(USER_INFO_PATH, userInfo);
    await expectEverywhere(ways, expected, make(), route);
  });

  it.each(HEADER_FLAWS)('refuses %s by %s, on Fastify', async (_title, code, write) => {
    const onFastify = ways.filter(({ name }) => name === 'GenAuthGuard on Fastify');
    await expectEverywhere(onFastify, ANSWERS[code], write(token().slice('Bearer '.length)));
  });

  it('translates only the message', async () => {
    const { body, ...answer } = ANSWERS.token_missing;
    const expected = { ...answer, body: { ...body, message: '请提供访问令牌。' } };
    await expectEverywhere(ways, expected, undefined, 'me', { 'accept-language': 'zh-CN' });
  });

  it('ignores a token outside of the header Authorization', async () => {
    const elsewhere = { cookie: `access_token=${token()}`, 'proxy-authorization': token(), 'x-access-token': token() };
    await expectEverywhere(ways, ANSWERS.token_missing, undefined, 'me', elsewhere);
  });
});

describe("a guarded route with userClaims 'userinfo'", () => {
  const ALICE = { sub: SUBJECT, email: 'alice@example.com', email_verified: true, roles: ['admin'] };

  it.each<[title: string, reply: Reply, expected: GuardedAnswer]>([
    ['has the claims of the scopes', { body: ALICE }, { status: 200, headers: {}, body: { user: ALICE } }],
    ['answers 503 if user info fails', { status: 500, body: ALICE }, ANSWERS.upstream_unavailable],
    ['answers 502 for another user', { body: { ...ALICE, sub: 'another' } }, ANSWERS.upstream_invalid_response],
    ['answers 401 if user info refuses the token', { status: 401 }, ANSWERS.invalid_token],
  ])('%s', async (_title, reply, expected) => {
    issuer.reply(USER_INFO_PATH, reply);
    const scope = ['openid', 'email', 'roles'];
    const { ways, close } = await startGuardedWays({ ...issuer.clientOptions, scope, userClaims: 'userinfo' });
    await expectEverywhere(ways, expected, bearer(issuer));
    await expectEverywhere(ways, ANSWERS.invalid_token, bearer(issuer, { aud: 'another-app' }));
    await close();
    // Each application asks once. A token that is not valid is not sent to GenAuth.
    expect(issuer.count(USER_INFO_PATH)).toBe(4);
  });
});

describe('a guarded route without the keys of GenAuth', () => {
  const after = (seconds: string): GuardedAnswer => ({
    ...ANSWERS.upstream_unavailable,
    headers: { 'cache-control': 'no-store', 'retry-after': seconds },
  });

  it.each<[title: string, reply: Reply, expected: GuardedAnswer]>([
    ['answers 503 if the key set fails', { status: 500 }, ANSWERS.upstream_unavailable],
    ['passes on Retry-After', { status: 503, headers: { 'retry-after': '9' } }, after('9')],
    ['answers 503 if the key set is not JSON', { body: '<html>' }, ANSWERS.upstream_unavailable],
    ['answers 503 if the key set is empty', { body: { keys: [] } }, ANSWERS.upstream_unavailable],
  ])('%s, and refuses wrong tokens by 401', async (_title, reply, expected) => {
    issuer.reply(JWKS_PATH, reply);
    const { ways, close } = await startGuardedWays(issuer.clientOptions);
    await expectEverywhere(ways, expected, bearer(issuer));
    const fetched = issuer.count(JWKS_PATH);
    await expectEverywhere(ways, expected, bearer(issuer, { jti: 'another' }));
    await expectEverywhere(ways, ANSWERS.token_missing, undefined);
    await expectEverywhere(ways, ANSWERS.invalid_token, 'Bearer a.b.c');
    await close();
    expect(issuer.count(JWKS_PATH)).toBe(fetched);
  });
});

@Controller()
class LoginRoutes {
  @UseGuards(AuthGuard('genauth-password'))
  @HttpCode(200)
  @Post('bare/password')
  barePassword(@CurrentUser() user: unknown): object {
    return { user };
  }

  @UseGuards(AuthGuard('genauth-ad'))
  @HttpCode(200)
  @Post('bare/ad')
  bareAd(@CurrentUser() user: unknown): object {
    return { user };
  }

  @UseGuards(GenAuthPasswordGuard)
  @HttpCode(200)
  @Post('own/password')
  ownPassword(@CurrentUser() user: unknown): object {
    return { user };
  }

  @UseGuards(GenAuthAdGuard)
  @HttpCode(200)
  @Post('own/ad')
  ownAd(@CurrentUser() user: unknown): object {
    return { user };
  }
}

const LOGINS = {
  password: { account: 'alice', password: 'p' },
  ad: { sAMAccountName: 'alice', password: 'p' },
} as const;
type Kind = keyof typeof LOGINS;

/** An adapter of the login. Passport alone answers refusals by a status without a body. */
interface LoginWay {
  name: string;
  url: string;
  isPlain: boolean;
}

describe('a login by the guards, AuthGuard, signInHandler and Passport', () => {
  const options = (): GenAuthOptions => ({ ...issuer.clientOptions, timeout: 2000 });
  const closing: (() => unknown)[] = [];
  const ways: LoginWay[] = [];

  beforeAll(async () => {
    for (const platform of Object.keys(PLATFORMS) as Platform[]) {
      const app = await startNestApp(platform, {
        imports: [GenAuthModule.forRoot(options())],
        controllers: [LoginRoutes],
      });
      closing.push(app.close);
      ways.push({ name: `guards on Nest and ${platform}`, url: `${app.url}/own`, isPlain: false });
      ways.push({ name: `AuthGuard on Nest and ${platform}`, url: `${app.url}/bare`, isPlain: false });
    }
  });
  afterAll(() => Promise.all(closing.map((close) => close())));

  const startExpress = async (): Promise<LoginWay[]> => {
    const started: LoginWay[] = [];
    for (const [version, express] of EXPRESS_VERSIONS) {
      const client = new GenAuthClient<string>(options());
      const own = new passport.Passport();
      const strategies = { password: new GenAuthPasswordStrategy(client), ad: new GenAuthAdStrategy(client) };
      const app = express().use(express.json());
      for (const [kind, strategy] of Object.entries(strategies)) {
        own.use(strategy);
        app.use(`/own/${kind}`, signInHandler(strategy));
        app.use(`/passport/${kind}`, own.authenticate(`genauth-${kind}`, { session: false }) as never);
      }
      app.use((req, res) => void res.json({ user: req.user }));
      app.use(genAuthErrorHandler(client));
      const url = await serve(app as RequestListener);
      started.push({ name: `signInHandler on ${version}`, url: `${url}/own`, isPlain: false });
      started.push({ name: `Passport on ${version}`, url: `${url}/passport`, isPlain: true });
    }
    return started;
  };

  const expectEveryLogin = async (kind: Kind, body: object, expected: object, plain: object): Promise<void> => {
    const all = [...ways, ...(await startExpress())];
    const seen = await Promise.all(
      all.map(async ({ name, url }) => {
        const { status, headers, text } = await ask(url, { path: `${new URL(url).pathname}/${kind}`, json: body });
        const parsed: unknown = text.startsWith('{') ? JSON.parse(text) : text;
        const ours = { 'retry-after': headers['retry-after'], 'www-authenticate': headers['www-authenticate'] };
        return { name, status, ...ours, cache: headers['cache-control'], body: parsed };
      }),
    );
    expect(seen).toMatchObject(all.map(({ name, isPlain }) => ({ name, ...(isPlain ? plain : expected) })));
  };

  const refused = (statusCode: number, code: string, more: object = {}): object => ({
    status: statusCode,
    cache: 'no-store',
    'www-authenticate': undefined,
    body: { statusCode, code, ...more },
  });
  const FACTOR = { mfaPolicy: 'SMS', status: 1, sort: 0 };

  it.each<[title: string, kind: Kind, body: object, reply: Reply, expected: object]>([
    [
      'refuses a wrong password',
      'password',
      LOGINS.password,
      rejection(403, 2333),
      refused(401, 'invalid_credentials'),
    ],
    ['refuses a wrong password of AD', 'ad', LOGINS.ad, rejection(403, 2333), refused(401, 'invalid_credentials')],
    ['refuses a missing password', 'password', { account: 'alice' }, {}, refused(400, 'invalid_request')],
    ['refuses an empty body', 'ad', {}, {}, refused(400, 'invalid_request')],
    ['refuses two accounts', 'password', { ...LOGINS.password, email: 'b' }, {}, refused(400, 'invalid_request')],
    ['asks for a captcha', 'password', LOGINS.password, rejection(403, 2000), refused(403, 'captcha_required')],
    [
      'asks for a second factor',
      'password',
      LOGINS.password,
      rejection(301, 1636, { mfaToken: 'mfa-1', applicationMfa: [FACTOR] }),
      refused(403, 'mfa_required', { mfaToken: 'mfa-1', applicationMfa: [FACTOR], requestId: 'request-1' }),
    ],
    [
      'asks for a new password',
      'ad',
      LOGINS.ad,
      rejection(301, 1639, { token: 'flow-1' }),
      refused(403, 'password_change_required', { flowToken: 'flow-1' }),
    ],
    ['refuses a locked account', 'password', LOGINS.password, rejection(403, 2005), refused(403, 'account_locked')],
    [
      'reports a further step',
      'password',
      LOGINS.password,
      rejection(300),
      refused(403, 'rejected', { furtherStep: true }),
    ],
    [
      'limits the rate',
      'password',
      LOGINS.password,
      { status: 429, headers: { 'retry-after': '7' } },
      { ...refused(429, 'rate_limited'), 'retry-after': '7' },
    ],
  ])('%s', async (_title, kind, body, reply, expected) => {
    issuer.reply(SIGN_IN_PATH, reply);
    const { status } = expected as { status: number };
    await expectEveryLogin(kind, body, expected, { status });
  });

  it.each<[title: string, reply: Reply, expected: object]>([
    ['an outage', { status: 500 }, { ...refused(503, 'upstream_unavailable'), 'retry-after': '5' }],
    ['a broken connection', { reset: true }, { ...refused(503, 'upstream_unavailable'), 'retry-after': '5' }],
    ['a page instead of JSON', { body: '<p>' }, refused(502, 'upstream_invalid_response')],
    ['a success without tokens', { body: { statusCode: 200, data: {} } }, refused(502, 'upstream_invalid_response')],
    ['a refused application', rejection(401), refused(500, 'configuration_error')],
  ])('answers %s with the same body everywhere', async (_title, reply, expected) => {
    issuer.reply(SIGN_IN_PATH, reply);
    await expectEveryLogin('password', LOGINS.password, expected, expected);
  });

  it.each<[kind: Kind]>([['password'], ['ad']])('signs in by %s', async (kind) => {
    issuer.replySignIn();
    const success = { status: 200, body: { user: { sub: SUBJECT } } };
    await expectEveryLogin(kind, LOGINS[kind], { ...success, cache: 'no-store' }, success);
  });
});
