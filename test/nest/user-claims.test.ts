import type { GenAuthOptions } from '../../src/index.js';
import {
  ANSWERS,
  type GuardedAnswer,
  type GuardedWay,
  type Route,
  expectEverywhere,
  startGuardedWays,
} from '../support/guarded-ways.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { type Reply, SUBJECT, useIssuer } from '../support/issuer.js';
import { USER_INFO_PATH, bearer } from '../support/marked-routes.js';
import { Gate, until } from '../support/promise.js';

failOnUnhandledRejections();
const issuer = useIssuer();

const SCOPE = ['openid', 'email', 'roles'];
/** Applications in {@link startGuardedWays}, each with a client and its caches. */
const CLIENTS = 4;
const asked = (): number => issuer().count(USER_INFO_PATH);
const say = (body: unknown): void => issuer().reply(USER_INFO_PATH, { body });
const ALICE = { sub: SUBJECT, email: 'alice@example.com', email_verified: true, roles: ['admin'] };
const TOKEN_USER = { sub: SUBJECT, scope: ['openid', 'profile'], tenant_id: null };
const passes = (user: object): GuardedAnswer => ({ status: 200, headers: {}, body: { user } });
const after = (seconds: number): GuardedAnswer => ({
  ...ANSWERS.upstream_unavailable,
  headers: { ...ANSWERS.upstream_unavailable.headers, 'retry-after': String(seconds) },
});

const withWays = async (
  options: Partial<GenAuthOptions>,
  use: (ways: readonly GuardedWay[]) => Promise<void>,
): Promise<void> => {
  const { ways, close } = await startGuardedWays({ ...issuer().clientOptions, scope: SCOPE, ...options });
  try {
    await use(ways);
  } finally {
    await close();
  }
};

/** How user info can fail, and what a guarded route makes of it. */
const FAULTS: readonly (readonly [title: string, reply: Reply, expected: GuardedAnswer])[] = [
  ['HTTP 500', { status: 500, body: ALICE }, ANSWERS.upstream_unavailable],
  ['HTTP 503, Retry-After: 9', { status: 503, headers: { 'retry-after': '9' } }, after(9)],
  ['HTTP 429', { status: 429 }, ANSWERS.upstream_unavailable],
  ['statusCode 500 in HTTP 200', { body: { statusCode: 500, ...ALICE } }, ANSWERS.upstream_unavailable],
  ['a reset', { reset: true }, ANSWERS.upstream_unavailable],
  ['HTTP 401', { status: 401 }, ANSWERS.invalid_token],
  ['invalid_token', { status: 400, body: { error: 'invalid_token' } }, ANSWERS.invalid_token],
  ['invalid_token in HTTP 200', { body: { error: 'invalid_token', ...ALICE } }, ANSWERS.invalid_token],
  ['HTTP 403', { status: 403, body: ALICE }, ANSWERS.upstream_invalid_response],
  ['HTTP 404', { status: 404 }, ANSWERS.upstream_invalid_response],
  ['a redirect', { status: 302, headers: { location: '/' } }, ANSWERS.upstream_invalid_response],
  ['a page', { body: '<html>' }, ANSWERS.upstream_invalid_response],
  ['a list', { body: [ALICE] }, ANSWERS.upstream_invalid_response],
  ['null', { body: 'null' }, ANSWERS.upstream_invalid_response],
  ['another person', { body: { ...ALICE, sub: 'another' } }, ANSWERS.upstream_invalid_response],
  ['nobody', { body: { ...ALICE, sub: undefined } }, ANSWERS.upstream_invalid_response],
  ['a list of the person', { body: { ...ALICE, sub: [SUBJECT] } }, ANSWERS.upstream_invalid_response],
];

describe("userClaims 'userinfo'", () => {
  const options = { userClaims: 'userinfo' } as const;

  it.each<[string, object, object]>([
    ['all claims', ALICE, ALICE],
    ['claims that were not asked for', { ...ALICE, name: 'Alice', phone_number: '1', accessToken: 'x' }, ALICE],
    ['null for a claim', { ...ALICE, email: null, roles: null }, { ...ALICE, email: null, roles: [] }],
    ['an empty claim', { ...ALICE, email: '' }, { ...ALICE, email: null }],
    ['no claims but sub', { sub: SUBJECT }, { sub: SUBJECT, email: null, email_verified: false, roles: [] }],
    [
      'claims of a wrong type',
      { ...ALICE, email: { a: 1 }, email_verified: 'true' },
      { ...ALICE, email: null, email_verified: false },
    ],
    [
      'an own __proto__',
      JSON.parse(`{"__proto__":{"email":"evil"},"sub":"${SUBJECT}"}`) as object,
      { sub: SUBJECT, email: null, email_verified: false, roles: [] },
    ],
  ])('%s: the user has the claims of the scopes, and no others', async (_title, body, user) => {
    say(body);
    await withWays(options, async (ways) => {
      const authorization = bearer(issuer());
      await expectEverywhere(ways, passes(user), authorization);
      await expectEverywhere(ways, passes(user), authorization);
    });
    expect(asked()).toBe(CLIENTS);
    const [{ headers } = { headers: {} as Record<string, unknown> }] = issuer().requests.filter(
      ({ path }) => path === USER_INFO_PATH,
    );
    expect(headers['authorization']).toMatch(/^Bearer [\w-]+\.[\w-]+\.[\w-]+$/);
  });

  it.each(FAULTS)('%s', async (_title, reply, expected) => {
    issuer().reply(USER_INFO_PATH, reply);
    await withWays(options, async (ways) => {
      const authorization = bearer(issuer());
      await expectEverywhere(ways, expected, authorization);
      // The pause of this token runs; another token has its own.
      const before = asked();
      await expectEverywhere(ways, expected, authorization);
      expect(asked()).toBe(before);
      say(ALICE);
      await expectEverywhere(ways, passes(ALICE), bearer(issuer(), { jti: 'another' }));
    });
  });

  it('silence: 503 once the time is up', async () => {
    const gate = new Gate();
    issuer().reply(USER_INFO_PATH, async () => {
      await gate.opened;
      return {};
    });
    await withWays({ ...options, timeout: 200 }, async (ways) => {
      await expectEverywhere(ways, ANSWERS.upstream_unavailable, bearer(issuer()));
      gate.open();
    });
  });

  it('down after it was up: the last good answer; a refusal ends it', async () => {
    await withWays({ ...options, userInfoMaxAge: 0 }, async (ways) => {
      const authorization = bearer(issuer());
      say(ALICE);
      await expectEverywhere(ways, passes(ALICE), authorization);
      say({ ...ALICE, roles: [] });
      await expectEverywhere(ways, passes({ ...ALICE, roles: [] }), authorization);
      issuer().reply(USER_INFO_PATH, { status: 401 });
      await expectEverywhere(ways, ANSWERS.invalid_token, authorization);
      // Nor does the last good one come back when GenAuth goes down after that.
      issuer().reply(USER_INFO_PATH, { status: 500 });
      await expectEverywhere(ways, ANSWERS.invalid_token, authorization);
    });
    await withWays({ ...options, userInfoMaxAge: 0 }, async (ways) => {
      const authorization = bearer(issuer());
      say(ALICE);
      await expectEverywhere(ways, passes(ALICE), authorization);
      issuer().reply(USER_INFO_PATH, { status: 500 });
      await expectEverywhere(ways, passes(ALICE), authorization);
      say({ ...ALICE, sub: 'another' });
      await expectEverywhere(ways, passes(ALICE), authorization);
    });
  });

  it('a crowd with one token: one question; with two, each their own', async () => {
    const gate = new Gate();
    issuer().reply(USER_INFO_PATH, async ({ headers }) => {
      await gate.opened;
      const payload = String(headers.authorization).split('.')[1] ?? '';
      const { sub } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { sub: string };
      return { body: { ...ALICE, sub, email: `${sub}@example.com` } };
    });
    await withWays(options, async ([way]) => {
      const people = ['alice', 'bob'].map((sub) => [sub, bearer(issuer(), { sub })] as const);
      const asking = Array.from({ length: 20 }, (_, i) => way!.ask(people[i % 2]![1]));
      await until(() => asked() === 2);
      gate.open();
      const users = (await Promise.all(asking)).map(({ body }) => (body as { user: { email: string } }).user.email);
      expect(users).toEqual(users.map((_, i) => `${people[i % 2]![0]}@example.com`));
      expect(asked()).toBe(2);
    });
  });

  it('a token that does not verify is asked about by nobody', async () => {
    say(ALICE);
    await withWays(options, async (ways) => {
      await expectEverywhere(ways, ANSWERS.token_missing, undefined);
      await expectEverywhere(ways, ANSWERS.invalid_token, bearer(issuer(), { aud: 'another-app' }));
    });
    expect(asked()).toBe(0);
  });
});

describe("userClaims 'token'", () => {
  it('asks nobody', async () => {
    await withWays({}, (ways) => expectEverywhere(ways, passes(TOKEN_USER), bearer(issuer())));
    expect(asked()).toBe(0);
  });

  it.each<[Route, object, GuardedAnswer]>([
    ['roles', { roles: ['admin'] }, passes(TOKEN_USER)],
    ['roles', { roles: [{ code: 'auditor' }] }, passes(TOKEN_USER)],
    ['roles', { roles: ['user'] }, ANSWERS.insufficient_role],
    ['roles', { roles: [] }, ANSWERS.insufficient_role],
    ['roles', { roles: null }, ANSWERS.insufficient_role],
    ['roles', {}, ANSWERS.insufficient_role],
    ['all-roles', { roles: ['admin'] }, ANSWERS.insufficient_role],
    ['all-roles', { roles: ['admin', 'auditor'] }, passes(TOKEN_USER)],
    ['tenant', { tenant_id: 'tenant-1' }, passes(TOKEN_USER)],
    ['tenant', { tenant_id: 'tenant-2' }, ANSWERS.tenant_mismatch],
    ['tenant', {}, ANSWERS.tenant_mismatch],
  ])('/%s of a token that says nothing of it, user info says %j', async (route, claims, expected) => {
    say({ sub: SUBJECT, ...claims });
    await withWays({}, async (ways) => {
      const authorization = bearer(issuer());
      await expectEverywhere(ways, expected, authorization, route);
      await expectEverywhere(ways, expected, authorization, route);
    });
    expect(asked()).toBe(CLIENTS);
  });

  it.each(FAULTS)('/roles and /tenant while user info gives %s: never a guess', async (_title, reply, expected) => {
    issuer().reply(USER_INFO_PATH, reply);
    await withWays({}, async (ways) => {
      const authorization = bearer(issuer());
      await expectEverywhere(ways, expected, authorization, 'roles');
      await expectEverywhere(ways, expected, authorization, 'tenant');
      // What needs none of it goes on.
      await expectEverywhere(ways, passes(TOKEN_USER), authorization);
    });
  });
});
