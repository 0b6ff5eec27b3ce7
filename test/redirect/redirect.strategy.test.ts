import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { jest } from '@jest/globals';
import { Controller, Get, Injectable, Module, Req, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import express, { type RequestHandler } from 'express';
import session from 'express-session';
import passport from 'passport';
import { GenAuthClient, type SignInEvent, signInHandler } from '../../src/index.js';
import { GenAuthModule, Public } from '../../src/nest/index.js';
import {
  GenAuthRedirectStrategy,
  type RedirectInfo,
  type RedirectOptions,
  redirectHandler,
} from '../../src/redirect/index.js';
import type { GenAuthOptions } from '../../src/core/options/types.js';
import { useEmulator } from '../emulator/support.js';
import { useWebServer } from '../support/web-server.js';
import { CALLBACK, START, User } from './user.js';

const emulator = useEmulator({
  users: [
    { username: 'alice', password: 'passw0rd' },
    { username: 'bob', password: 'passw0rd' },
  ],
});
const serve = useWebServer();
const newUser = ({ url }: { url: string }): User => new User(url, emulator());
type Kind = 'a cookie' | 'a session' | 'passport';
const KINDS: readonly Kind[] = ['a cookie', 'a session', 'passport'];

interface Settings {
  kind?: Kind;
  client?: Partial<GenAuthOptions>;
  redirect?: Partial<RedirectOptions>;
  verify?: () => object | null;
}

/** An application with the two routes of the strategy. */
async function open({ kind = 'a cookie', client: more, redirect, verify }: Settings = {}) {
  const app = express();
  const url = await serve(app);
  const client = new GenAuthClient({ ...emulator().clientOptions, ...more });
  const options = { callbackUrl: url + CALLBACK, ...(kind === 'a cookie' && { cookieSecret: 'secret-'.repeat(5) }) };
  const strategy = new GenAuthRedirectStrategy(client, { ...options, ...redirect }, verify);
  const own = new passport.Passport().use(strategy);
  const handler =
    kind === 'passport'
      ? (own.authenticate('genauth-redirect', { session: false }) as RequestHandler)
      : redirectHandler(client, { ...options, ...redirect }, verify);
  if (kind !== 'a cookie') app.use(session({ secret: 'session', resave: false, saveUninitialized: false }));
  app.get([START, CALLBACK], handler, (req, res) => {
    const { returnTo, claims, tokens } = req.authInfo as RedirectInfo;
    res.json({ user: req.user, returnTo, name: claims['username'], hasToken: tokens.accessToken.length > 100 });
  });
  return { url, client, strategy, callbackUrl: options.callbackUrl };
}

describe.each(KINDS)('with %s', (kind) => {
  it('signs in the user and returns the path to return to', async () => {
    const user = newUser(await open({ kind, client: { scope: ['openid', 'username'] } }));
    const answer = await user.visit(await user.signIn('alice', `${START}?returnTo=/orders%3Fa=1`));
    const username = 'alice';
    const expected = { user: { username }, returnTo: '/orders?a=1', name: username, hasToken: true };
    expect(answer).toMatchObject({ status: 200, body: expected });
  });

  it('accepts a callback once, and only from the browser that began the sign-in', async () => {
    const app = await open({ kind });
    const [user, other] = [newUser(app), newUser(app)];
    const callback = await user.signIn();
    await other.begin();
    expect((await other.visit(callback)).status).toBe(400);
    expect((await newUser(app).visit(callback)).status).toBe(400);
    expect((await user.visit(callback)).status).toBe(200);
    expect((await user.visit(callback)).status).toBe(400);
  });

  it('refuses a second callback, also if the browser sends the removed cookie again', async () => {
    // GenAuth does not see these callbacks, so that only the application can refuse them.
    const user = newUser(await open({ kind }));
    const { state } = await user.begin();
    const before = new Map(user.cookies);
    const visit = (): Promise<{ status: number }> => user.visit(`${CALLBACK}?error=access_denied&state=${state}`);
    expect((await visit()).status).toBe(403);
    for (const [name, value] of before) user.cookies.set(name, value);
    expect((await visit()).status).toBe(400);
  });

  it('keeps two users in two tabs of one browser apart', async () => {
    const user = newUser(await open({ kind, client: { scope: ['openid', 'username'] } }));
    const [alice, bob] = [await user.signIn('alice'), await user.signIn('bob')];
    const names = [await user.visit(bob), await user.visit(alice)].map(({ body }) => body['name']);
    expect(names).toEqual(['bob', 'alice']);
  });

  it('ends a sign-in that takes 15 minutes', async () => {
    const user = newUser(await open({ kind }));
    const states = [(await user.begin())['state'], (await user.begin())['state']];
    const begun = Date.now();
    const statuses: number[] = [];
    for (const [i, age] of [15 * 60_000 - 5000, 15 * 60_000 + 5000].entries()) {
      const now = jest.spyOn(Date, 'now').mockReturnValue(begun + age);
      statuses.push((await user.visit(`${CALLBACK}?error=access_denied&state=${states[i]}`)).status);
      now.mockRestore();
    }
    expect(statuses).toEqual([403, 400]);
  });
});

it('requests a code with state, nonce, S256 and a new login, and nothing that GenAuth does not document', async () => {
  const app = await open({ client: { scope: ['openid', 'email'] } });
  const [first, second] = [await newUser(app).begin(), await newUser(app).begin()];
  const random = expect.stringMatching(/^[\w-]{43}$/) as string;
  expect(first).toEqual({
    client_id: emulator().appId,
    redirect_uri: app.callbackUrl,
    response_type: 'code',
    scope: 'openid email',
    state: random,
    nonce: random,
    code_challenge: random,
    code_challenge_method: 'S256',
    prompt: 'login',
  });
  for (const name of ['state', 'nonce', 'code_challenge']) expect(first[name]).not.toBe(second[name]);
});

it('sets a cookie that scripts cannot read, with Secure for https', async () => {
  const cookie = async (callbackUrl?: string) =>
    (await newUser(await open({ redirect: callbackUrl === undefined ? {} : { callbackUrl } })).visit(START)).lines[0];
  const flags = 'Path=/; Max-Age=900; HttpOnly; SameSite=Lax';
  expect(await cookie()).toMatch(new RegExp(`^genauth-sign-in\\.[\\w-]{8}=[\\w.-]+; ${flags}$`));
  expect(await cookie(`https://app.example.com${CALLBACK}`)).toMatch(
    new RegExp(`^__Host-genauth-sign-in\\.[\\w-]{8}=[\\w.-]+; ${flags}; Secure$`),
  );
});

it('keeps at most five begun sign-ins in the browser', async () => {
  const user = newUser(await open());
  const states: (string | undefined)[] = [];
  for (let i = 0; i < 8; i += 1) states.push((await user.begin())['state']);
  expect(user.cookies.size).toBe(5);
  const statuses: number[] = [];
  for (const state of states)
    statuses.push((await user.visit(`${CALLBACK}?error=access_denied&state=${state}`)).status);
  expect(statuses).toEqual([400, 400, 400, 403, 403, 403, 403, 403]);
});

it('decrypts with each secret, and encrypts with the first', async () => {
  const [first, second] = ['first-secret-'.repeat(3), 'second-secret-'.repeat(3)];
  const app = await open({ redirect: { cookieSecret: first } });
  const user = newUser(app);
  const callback = await user.signIn();
  const later = new GenAuthRedirectStrategy(app.client, {
    callbackUrl: app.callbackUrl,
    cookieSecret: [second, first],
  });
  const req = {
    headers: { cookie: [...user.cookies].map((pair) => pair.join('=')).join('; ') },
    originalUrl: callback,
  };
  const res = { appendHeader: () => undefined };
  expect(await later.attempt({ ...req, res } as never)).toMatchObject({ kind: 'success' });
  const other = new GenAuthRedirectStrategy(app.client, { callbackUrl: app.callbackUrl, cookieSecret: second });
  expect(await other.attempt({ ...req, res } as never)).toMatchObject({
    refusal: { body: { code: 'sign_in_expired' } },
  });
});

it.each<[string, string, number, string]>([
  ['returnTo to another origin', `${START}?returnTo=//evil.example.com`, 400, 'invalid_request'],
  ['returnTo with a scheme', `${START}?returnTo=https://evil.example.com/`, 400, 'invalid_request'],
  ['two values of returnTo', `${START}?returnTo=/a&returnTo=/b`, 400, 'invalid_request'],
  ['a foreign state', `${CALLBACK}?code=c&state=${'s'.repeat(43)}`, 400, 'sign_in_expired'],
  ['a callback without state', `${CALLBACK}?code=c`, 400, 'sign_in_expired'],
  ['a callback without parameters', CALLBACK, 400, 'sign_in_expired'],
  ['an error without state', `${CALLBACK}?error=access_denied`, 400, 'sign_in_expired'],
  ['an error without state on another path', `${START}?error=access_denied`, 400, 'sign_in_expired'],
  ['a callback with another spelling of the path', `${CALLBACK}/?code=c`, 400, 'sign_in_expired'],
  ['a callback on the path of a proxy', `${START}?code=c&state=s`, 400, 'sign_in_expired'],
  ['returnTo that becomes another host', `${START}?returnTo=/.//evil.example.com`, 400, 'invalid_request'],
])('refuses %s', async (_title, path, status, code) => {
  const user = newUser(await open());
  expect(await user.visit(path)).toMatchObject({ status, code, location: '' });
  expect(user.cookies.size).toBe(0);
});

it.each<[string, string, number, string]>([
  ['access_denied', 'error=access_denied', 403, 'access_denied'],
  ['login_required', 'error=login_required', 403, 'access_denied'],
  ['server_error', 'error=server_error', 502, 'upstream_invalid_response'],
  ['temporarily_unavailable', 'error=temporarily_unavailable', 503, 'upstream_unavailable'],
  ['invalid_scope', 'error=invalid_scope&error_description=canary', 500, 'configuration_error'],
  ['an unknown error', 'error=what', 500, 'configuration_error'],
  ['neither a code nor an error', 'x=y', 502, 'upstream_invalid_response'],
  ['two codes', 'code=a&code=b', 502, 'upstream_invalid_response'],
  ['a code and two errors', 'code=a&error=x&error=y', 502, 'upstream_invalid_response'],
  ['consent_required', 'error=consent_required', 403, 'access_denied'],
  ['a code that GenAuth does not know', 'code=a', 400, 'sign_in_expired'],
  ['the issuer of another server', 'code=a&iss=https://evil.example.com/oidc', 502, 'upstream_invalid_response'],
  ['two issuers', 'code=a&iss=a&iss=b', 502, 'upstream_invalid_response'],
])('answers a callback with %s', async (_title, query, status, code) => {
  const user = newUser(await open());
  const { state } = await user.begin();
  expect(await user.visit(`${CALLBACK}?${query}&state=${state}`)).toMatchObject({ status, code });
});

it('answers the abort of the user on the page', async () => {
  const user = newUser(await open());
  await user.page.open(await user.begin());
  const { location } = await user.page.visit(`${user.page.interaction}/abort`, {});
  expect(await user.visit(new URL(location).pathname + new URL(location).search)).toMatchObject({ status: 403 });
});

it('refuses the code of another sign-in of the same browser', async () => {
  const user = newUser(await open());
  const [first, second] = [await user.signIn(), await user.begin()];
  const { code } = Object.fromEntries(new URL(first, 'http://x').searchParams);
  const answer = await user.visit(`${CALLBACK}?code=${code}&state=${second['state']}`);
  expect(answer).toMatchObject({ status: 400, code: 'sign_in_expired' });
});

it.each([
  'nonce',
  'wrong_audience',
  'wrong_issuer',
  'foreign_key',
  'unsigned',
  'hs256_public_key',
  'tampered',
] as const)('refuses an id_token with the flaw %s as an error of GenAuth', async (flaw) => {
  const user = newUser(await open());
  const callback = await user.signIn();
  emulator().flawIdToken(flaw);
  expect(await user.visit(callback)).toMatchObject({ status: 502, code: 'upstream_invalid_response' });
});

it.each<[string, Partial<GenAuthOptions>, number, string]>([
  ['a wrong app secret', { appSecret: 'wrong-secret-0123456789abcdef-0123' }, 500, 'configuration_error'],
  ['an id_token with another algorithm', { idTokenSignedResponseAlg: 'HS256' }, 502, 'upstream_invalid_response'],
])('answers %s', async (_title, client, status, code) => {
  const user = newUser(await open({ client }));
  expect(await user.visit(await user.signIn())).toMatchObject({ status, code });
});

it('calls verify, and refuses the user if verify does', async () => {
  const answers: unknown[] = [];
  for (const verify of [() => ({ id: 7 }), () => null]) {
    const user = newUser(await open({ verify }));
    answers.push(await user.visit(await user.signIn()));
  }
  expect(answers).toMatchObject([
    { status: 200, body: { user: { id: 7 } } },
    { status: 403, code: 'verify_denied' },
  ]);
});

it('begins a sign-in for a request that only has a parameter of the same name as a callback', async () => {
  const user = newUser(await open());
  expect((await user.visit(`${START}?code=campaign`)).location).toContain('/oidc/auth?');
});

it('refuses a class with verify in super and the method validate', async () => {
  const { client, callbackUrl } = await open();
  class Own extends PassportStrategy(GenAuthRedirectStrategy) {
    constructor() {
      super(client, { callbackUrl }, () => null);
    }
    validate(): null {
      return null;
    }
  }
  expect(() => new Own()).toThrow(/^verify is followed by another argument.*super\(client, options\)/);
});

it('names the missing session and the option cookieSecret', async () => {
  const { strategy } = await open({ kind: 'passport' });
  const result = await strategy.attempt({ headers: {}, originalUrl: START } as never);
  const message = expect.stringContaining(
    'The option cookieSecret is not set, and the request has no session',
  ) as string;
  expect(result).toMatchObject({ kind: 'refusal', refusal: { status: 500, error: { message } } });
});

it('the refusal of a login that needs a further step names the path that begins the sign-in', async () => {
  emulator().updateUser('alice', { mfa: true });
  const { client } = await open({ redirect: { startPath: START } });
  const { GenAuthPasswordStrategy } = await import('../../src/index.js');
  const app = express().use(express.json());
  app.post('/login', signInHandler(new GenAuthPasswordStrategy(client)));
  const url = await serve(app);
  const body = JSON.stringify({ account: 'alice', password: 'passw0rd' });
  const headers = { 'content-type': 'application/json' };
  const answer = await (await fetch(`${url}/login`, { method: 'POST', headers, body })).json();
  emulator().updateUser('alice', { mfa: false });
  expect(answer).toMatchObject({ code: 'mfa_required', next: { kind: 'redirect', url: START } });
  expect(JSON.stringify(answer)).not.toContain('eyJ');
});

it('works in a Nest application as a provider, with AuthGuard on both routes', async () => {
  const strategyOptions = { callbackUrl: `http://localhost:3000${CALLBACK}`, cookieSecret: 'secret-'.repeat(5) };
  @Injectable()
  class HostedStrategy extends PassportStrategy(GenAuthRedirectStrategy, 'genauth-redirect') {
    constructor(client: GenAuthClient) {
      super(client, strategyOptions);
    }
    validate(_req: object, user: object): object {
      return { ...user, isOwn: true };
    }
  }
  @Controller(START.slice(1))
  class HostedController {
    @Get(['', 'callback'])
    @Public()
    @UseGuards(AuthGuard('genauth-redirect'))
    finish(@Req() req: express.Request): unknown {
      return { user: req.user, returnTo: (req.authInfo as RedirectInfo).returnTo };
    }
  }
  const imports = [GenAuthModule.forRoot(emulator().clientOptions)];
  @Module({ imports, controllers: [HostedController], providers: [HostedStrategy] })
  class AppModule {}
  const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  const url = await app.getUrl();
  const user = newUser({ url });
  const answers = [
    await user.visit(await user.signIn('alice', `${START}?returnTo=/orders`)),
    await user.visit(CALLBACK),
  ];
  const own = expect.objectContaining({ isOwn: true }) as object;
  expect(answers).toMatchObject([{ status: 200, body: { user: own, returnTo: '/orders' } }, { status: 400 }]);
  await app.close();
});

it('warns once that offline_access may bring no refresh token', async () => {
  const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const scope = ['openid', 'offline_access'];
  const user = newUser(await open({ client: { scope, name: 'with-offline' } }));
  for (let i = 0; i < 2; i += 1) await user.begin();
  const message = expect.stringContaining('with-offline: The scope contains offline_access') as string;
  expect(emitWarning.mock.calls).toEqual([
    [message, { type: 'GenAuthWarning', code: 'GENAUTH_REDIRECT_REFRESH_TOKEN' }],
  ]);
  emitWarning.mockRestore();
});

it('answers the issuer of the client like no issuer', async () => {
  const user = newUser(await open());
  const callback = await user.signIn();
  const iss = encodeURIComponent(`${emulator().url}/oidc`);
  expect(await user.visit(`${callback}&iss=${iss}`)).toMatchObject({ status: 200 });
});

it('refuses an id_token of HS256 that the secret of the client has not signed', async () => {
  const app = await open({ client: { idTokenSignedResponseAlg: 'HS256' } });
  const user = newUser(app);
  const callback = await user.signIn();
  // The emulator signs with a key that the client does not know.
  emulator().flawIdToken('hs256_public_key');
  expect(await user.visit(callback)).toMatchObject({ status: 502, code: 'upstream_invalid_response' });
});

it.each(KINDS)('does not use up a sign-in for a HEAD request, with %s', async (kind) => {
  const app = await open({ kind });
  const user = newUser(app);
  const callback = await user.signIn();
  const cookie = [...user.cookies].map((pair) => pair.join('=')).join('; ');
  for (const path of [START, callback]) {
    const { status, headers } = await fetch(app.url + path, {
      method: 'HEAD',
      headers: { cookie },
      redirect: 'manual',
    });
    expect([status, headers.getSetCookie()]).toEqual([400, []]);
  }
  expect(await user.visit(callback)).toMatchObject({ status: 200 });
});

it('works with a session without own properties, as of @fastify/secure-session', async () => {
  const { strategy } = await open({ kind: 'passport' });
  const stored = new Map<string | symbol, unknown>();
  const session = new Proxy(
    {},
    {
      get: (_target, name) => stored.get(name),
      set: (_target, name, value) => Boolean(stored.set(name, JSON.parse(JSON.stringify(value)))),
    },
  );
  const headers = {};
  const begun = await strategy.attempt({ headers, session, originalUrl: START } as never);
  const state = new URL((begun as { url: string }).url).searchParams.get('state');
  const originalUrl = `${CALLBACK}?error=access_denied&state=${state}`;
  expect(await strategy.attempt({ headers, session, originalUrl } as never)).toMatchObject({
    refusal: { status: 403 },
  });
});

it.each<Kind>(['a cookie', 'a session'])(
  'keeps two GenAuth applications of one process apart, with %s',
  async (kind) => {
    const app = await open({ kind, client: { appId: 'first-app' } });
    const user = newUser(app);
    const { state } = await user.begin();
    const stored = [...user.cookies];
    const session = { 'passport-genauth:redirect:first-app': [{ state }] };
    const other = new GenAuthRedirectStrategy(new GenAuthClient({ ...emulator().clientOptions, appId: 'second-app' }), {
      callbackUrl: app.callbackUrl,
      ...(kind === 'a cookie' && { cookieSecret: 'secret-'.repeat(5) }),
    });
    const cookie = stored.map((pair) => pair.join('=')).join('; ');
    const req = { headers: { cookie }, session, res: { appendHeader: () => undefined } };
    const originalUrl = `${CALLBACK}?error=access_denied&state=${state}`;
    const result = await other.attempt({ ...req, originalUrl } as never);
    expect(result).toMatchObject({ refusal: { body: { code: 'sign_in_expired' } } });
  },
);

it('shows its own text to the user who cancelled, and not that of the callback', async () => {
  const user = newUser(await open());
  const { state } = await user.begin();
  const { body } = await user.visit(`${CALLBACK}?error=access_denied&error_description=canary&state=${state}`);
  expect(body['message']).toBe('The sign-in was cancelled, or your account is not allowed to sign in here.');
});

it('publishes the events of a password login', async () => {
  const events: SignInEvent[] = [];
  const take = (event: unknown): void => void events.push(event as SignInEvent);
  subscribe('genauth:sign-in', take);
  const user = newUser(await open());
  await user.visit(await user.signIn());
  for (const query of ['error=access_denied', 'error=server_error', 'error=invalid_scope', 'code=unknown']) {
    const { state } = await user.begin();
    await user.visit(`${CALLBACK}?${query}&state=${state}`);
  }
  unsubscribe('genauth:sign-in', take);
  const results = ['success', 'access_denied', 'upstream_invalid_response', 'authorization_refused', 'sign_in_expired'];
  expect(events).toMatchObject(results.map((result) => ({ result, connection: 'REDIRECT' })));
  expect(events[1]).toMatchObject({ statusCode: undefined, text: expect.stringContaining('sent the browser back') });
});

it.each<[string, Settings, (user: User) => Promise<string>, string]>([
  [
    'an error of the operator',
    {},
    async (user) => `${CALLBACK}?error=x&state=${(await user.begin())['state']}`,
    'configuration_error',
  ],
  ['a user whom verify refuses', { verify: () => null }, (user) => user.signIn(), 'verify_denied'],
])('sends the browser to failurePath, and reports %s', async (_title, settings, arrange, code) => {
  const log = jest.fn();
  const user = newUser(await open({ ...settings, client: { log, name: code }, redirect: { failurePath: '/login' } }));
  const path = await arrange(user);
  expect(await user.visit(path)).toMatchObject({ status: 302, location: `/login?error=${code}` });
  expect(log.mock.calls.map(([, , details]) => details)).toMatchObject([{ code }]);
});

it('limits the reports of callbacks with different errors, because any browser can send them', async () => {
  const log = jest.fn();
  const user = newUser(await open({ client: { log, name: 'limited' } }));
  for (let i = 0; i < 5; i += 1) {
    const { state } = await user.begin();
    await user.visit(`${CALLBACK}?error=error-${i}&state=${state}`);
  }
  expect(log).toHaveBeenCalledTimes(1);
});

it('never sends a code twice', async () => {
  const app = await open();
  const user = newUser(app);
  // The second exchange uses the connection of the first, which the server then resets.
  await user.visit(await user.signIn());
  const callback = await user.signIn();
  const before = emulator().requests('token');
  emulator().fault({ endpoint: 'token', drop: true, times: 1 });
  expect(await user.visit(callback)).toMatchObject({ status: 503 });
  expect(emulator().requests('token') - before).toBe(1);
});

it('warns once that a browser begins a sign-in under another name of this machine', async () => {
  const emitWarning = jest.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const { url } = await open({ redirect: { callbackUrl: `http://localhost:3999${CALLBACK}` } });
  for (let i = 0; i < 2; i += 1) await fetch(url + START, { redirect: 'manual' });
  const message = expect.stringMatching(/began at 127\.0\.0\.1:\d+, but callbackUrl is on localhost:3999/) as string;
  expect(emitWarning.mock.calls).toEqual([[message, { type: 'GenAuthWarning', code: 'GENAUTH_CALLBACK_HOST' }]]);
  emitWarning.mockRestore();
});

it('names redirectHandler if it gets no client', () => {
  expect(() => redirectHandler(undefined as never, { callbackUrl: 'https://app.example.com/cb' })).toThrow(
    /^redirectHandler got undefined in place of a client: write redirectHandler\(client, \{ callbackUrl \}\)/,
  );
});
