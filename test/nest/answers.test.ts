import { Controller, HttpCode, Post, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import {
  GenAuthAdStrategy,
  GenAuthClient,
  type GenAuthOptions,
  GenAuthPasswordStrategy,
  type GenAuthUser,
  signInHandler,
} from '../../src/index.js';
import { CurrentUser, GenAuthAdGuard, GenAuthModule, GenAuthPasswordGuard } from '../../src/nest/index.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { JWKS_PATH, type Reply, SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { createLoginApp } from '../support/login-app.js';
import { PLATFORMS, type Platform, startNestApp } from '../support/nest-app.js';
import { CODES, KINDS, rejection } from '../support/rejection.js';
import { ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const issuer = useIssuer();
const serve = useWebServer();

@Controller()
class Routes {
  @UseGuards(AuthGuard('genauth-password'))
  @HttpCode(200)
  @Post('bare/password')
  barePassword(@CurrentUser() user: GenAuthUser): object {
    return { user };
  }

  @UseGuards(AuthGuard('genauth-ad'))
  @HttpCode(200)
  @Post('bare/ad')
  bareAd(@CurrentUser() user: GenAuthUser): object {
    return { user };
  }

  @UseGuards(GenAuthPasswordGuard)
  @HttpCode(200)
  @Post('own/password')
  ownPassword(@CurrentUser() user: GenAuthUser): object {
    return { user };
  }

  @UseGuards(GenAuthAdGuard)
  @HttpCode(200)
  @Post('own/ad')
  ownAd(@CurrentUser() user: GenAuthUser): object {
    return { user };
  }

  // As Nest has it: 201 for a POST.
  @UseGuards(AuthGuard('genauth-password'))
  @Post('bare/created')
  bareCreated(): object {
    return {};
  }

  @UseGuards(GenAuthPasswordGuard)
  @Post('own/created')
  ownCreated(): object {
    return {};
  }
}

const BODIES = {
  password: { account: 'alice', password: 'p' },
  ad: { sAMAccountName: 'alice', password: 'p' },
} as const;
type Login = (kind: keyof typeof BODIES, body?: object, headers?: Record<string, string>) => Promise<Answer>;
interface Answer {
  status: number;
  headers: object;
  body: unknown;
}

/** Status, body, and the headers that are ours; which way it was answered shall not be seen. */
async function login(address: string, path: string, body: object, headers = {}): Promise<Answer> {
  const { status, text, headers: all } = await ask(address, { path, json: body, headers });
  const ours = ['retry-after', 'www-authenticate', 'cache-control', 'location', 'set-cookie'].map((name) => [
    name,
    all[name],
  ]);
  return {
    status,
    headers: Object.fromEntries(ours.filter(([, value]) => value !== undefined)),
    body: JSON.parse(text),
  };
}

const NO_STORE = { 'cache-control': 'no-store' };
const FACTORS = [
  { mfaPolicy: 'SMS', status: 1, sort: 0 },
  { mfaPolicy: 'OTP', status: 0, sort: 1 },
];
const flow = (apiCode: number): Reply => rejection(301, apiCode, { token: 'flow-1', user: { sub: 'x' } });
/** What the next step needs, as GenAuth sends it and as the body has it. */
const NEXT_STEPS: readonly (readonly [string, Reply, object])[] = [
  [
    'mfa_required',
    rejection(301, 1636, { mfaToken: 'mfa-1', applicationMfa: [...FACTORS, { status: 1 }, null, 'SMS'], token: 'x' }),
    { mfaToken: 'mfa-1', applicationMfa: FACTORS },
  ],
  ['mfa_required', rejection(301, 1635, { mfaToken: '', applicationMfa: [] }), {}],
  ['mfa_required', rejection(301, 1635, { mfaToken: { a: 1 }, applicationMfa: { mfaPolicy: 'SMS' } }), {}],
  ['password_change_required', flow(1639), { flowToken: 'flow-1' }],
  ['identity_binding_required', flow(1640), { flowToken: 'flow-1' }],
  ['profile_completion_required', flow(1642), { flowToken: 'flow-1' }],
  ['profile_completion_required', rejection(301, 1645, { token: 5, mfaToken: 'x' }), {}],
  ['captcha_required', rejection(403, 2000, { mfaToken: 'x', token: 'x' }), {}],
  ['rejected', rejection(301, 1699, { mfaToken: 'x', token: 'x' }), { furtherStep: true }],
  ['rejected', rejection(300), { furtherStep: true }],
  ['rejected', rejection(400, 1699, { mfaToken: 'x', token: 'x' }), {}],
];

describe.each([
  ['as it is', {}],
  ['with exposeReasons, in Chinese', { exposeReasons: true, language: 'zh' }],
] as const)('Express, AuthGuard and our guards answer alike, %s', (_name, options: Partial<GenAuthOptions>) => {
  let ways: (readonly [string, Login])[];
  const closing: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    // The issuer is put back after each test; its address and its key stay.
    const all = { ...issuer().clientOptions, ...options, timeout: 2000 };
    for (const platform of Object.keys(PLATFORMS) as Platform[]) {
      const running = await startNestApp(platform, { imports: [GenAuthModule.forRoot(all)], controllers: [Routes] });
      closing.push(running.close);
      for (const guards of ['bare', 'own']) {
        const way: Login = (kind, body = BODIES[kind], headers) =>
          login(running.url, `/${guards}/${kind}`, body, headers);
        (ways ??= []).push([`${guards} on ${platform}`, way]);
      }
    }
  });
  afterAll(() => Promise.all(closing.map((close) => close())));

  /** The one answer of all ways; what Express says is the control. */
  const askAll = async (
    kind: keyof typeof BODIES,
    body?: object,
    headers?: Record<string, string>,
  ): Promise<Answer> => {
    const [, express] = EXPRESS_VERSIONS.at(-1)!;
    const client = new GenAuthClient({ ...issuer().clientOptions, ...options, timeout: 2000 });
    const url = await serve(
      createLoginApp(express, {
        strategies: [new GenAuthPasswordStrategy(client), new GenAuthAdStrategy(client)],
        authenticate: (_passport, find) => signInHandler(find(`genauth-${kind}`)),
        answer: (req, res) => res.json({ user: req.user }),
      }),
    );
    const control = await login(url, '/login', body ?? BODIES[kind], headers);
    for (const [name, way] of ways) expect([name, await way(kind, body, headers)]).toEqual([name, control]);
    return control;
  };

  it.each(NEXT_STEPS)('%s: %j', async (code, reply, members) => {
    for (const kind of ['password', 'ad'] as const) {
      issuer().reply(SIGN_IN_PATH, reply);
      const { status, headers, body } = await askAll(kind);
      expect([status, headers]).toEqual([403, NO_STORE]);
      const { apiCode } = reply.body as { apiCode?: number };
      expect(body).toEqual({
        statusCode: 403,
        error: 'Forbidden',
        message: expect.any(String),
        code,
        requestId: 'request-1',
        ...members,
        ...(options.exposeReasons && apiCode !== undefined && { apiCode }),
      });
    }
  });

  it.each(KINDS)('%s, by every code that GenAuth has for it', async (code) => {
    for (const [statusCode, apiCode] of CODES[code]) {
      issuer().reply(SIGN_IN_PATH, rejection(statusCode, apiCode, { remainCount: 2 }));
      const { status, body } = await askAll('password');
      const expected = code === 'invalid_credentials' ? 401 : code === 'rate_limited' ? 429 : 403;
      expect([status, body]).toMatchObject([expected, { statusCode: expected, code, requestId: 'request-1' }]);
    }
  });

  it.each<[string, Reply, number, string, object]>([
    [
      '429 with Retry-After',
      { status: 429, headers: { 'retry-after': '7' } },
      429,
      'rate_limited',
      { 'retry-after': '7' },
    ],
    ['HTTP 500', { status: 500, body: '<p>' }, 503, 'upstream_unavailable', { 'retry-after': '5' }],
    ['HTTP 503', { status: 503, headers: { 'retry-after': '9' } }, 503, 'upstream_unavailable', { 'retry-after': '9' }],
    ['a reset', { reset: true }, 503, 'upstream_unavailable', { 'retry-after': '5' }],
    ['a page', { body: '<p>' }, 502, 'upstream_invalid_response', {}],
    ['a redirect', { status: 302, headers: { location: '//evil.example' } }, 502, 'upstream_invalid_response', {}],
    ['success without tokens', { body: { statusCode: 200, data: {} } }, 502, 'upstream_invalid_response', {}],
    ['a refused app', rejection(401), 500, 'configuration_error', {}],
    ['a password that it cannot decrypt', rejection(499, 2016), 500, 'configuration_error', {}],
    ['an exhausted plan', rejection(402, 4021), 500, 'configuration_error', {}],
  ])('%s', async (_case, reply, status, code, headers) => {
    issuer().reply(SIGN_IN_PATH, reply);
    const answer = await askAll('password');
    expect(answer).toMatchObject({ status, body: { statusCode: status, code } });
    expect(answer.headers).toEqual({ ...NO_STORE, ...headers });
  });

  it('a token that does not verify, and keys that are not there', async () => {
    issuer().replySignIn({ id_token: issuer().sign(issuer().idTokenClaims({ aud: 'another' })) });
    expect(await askAll('password')).toMatchObject({ status: 502, body: { code: 'upstream_invalid_response' } });
    issuer().replySignIn({ id_token: issuer().sign(issuer().idTokenClaims(), { kid: 'unknown' }) });
    issuer().reply(JWKS_PATH, { status: 500 });
    expect(await askAll('password')).toMatchObject({ status: 503, body: { code: 'upstream_unavailable' } });
  });

  it.each([
    {},
    { account: 'alice' },
    { account: 'a', email: 'b', password: 'p' },
    { ...BODIES.password, captchaCode: 5 },
  ])('the body %j: 400', async (body) => {
    const answer = await askAll('password', body);
    expect(answer).toMatchObject({ status: 400, headers: NO_STORE, body: { code: 'invalid_request' } });
    expect(issuer().count(SIGN_IN_PATH)).toBe(0);
  });

  it.each(['zh-CN', 'en', 'de, zh;q=0.1'])('Accept-Language: %s', async (acceptLanguage) => {
    issuer().reply(SIGN_IN_PATH, rejection(403, 2042));
    const { body } = await askAll('password', undefined, { 'accept-language': acceptLanguage });
    const chinese = options.language === 'zh' || acceptLanguage !== 'en';
    expect((body as { message: string }).message).toMatch(chinese ? /\p{Script=Han}/u : /^[\x20-\x7E]+$/);
  });

  it('success: 200, the user, and no word of ours; 201 where Nest has it', async () => {
    issuer().replySignIn();
    for (const kind of ['password', 'ad'] as const) {
      const { status, headers, body } = await askAll(kind);
      expect([status, headers]).toEqual([200, NO_STORE]);
      expect(Object.keys(body as object)).toEqual(['user']);
    }
    for (const [name, way] of ways) {
      const created = await way('created' as 'password', BODIES.password);
      expect([name, created]).toEqual([name, { status: 201, headers: NO_STORE, body: {} }]);
    }
  });
});
