import { jest } from '@jest/globals';
import type { GenAuthClient } from '../../../src/core/client.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { useClients } from '../../support/client.js';
import { APP_ID, JWKS_PATH, type ReceivedRequest, type Reply, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { catchError, until } from '../../support/promise.js';
import { useTcpServers } from '../../support/tcp-server.js';
import { createVault } from '../../support/vault.js';

const SECRET = 'canary+secret/with=signs&more %';
const TOKEN = 'canary/token+with=signs&more %';
const issuer = useIssuer();
const open = useClients(issuer);
const serve = useTcpServers();
afterEach(() => void jest.useRealTimers());

/** The calls that a server makes by itself, each with a right answer. */
const CALLS = {
  refresh: {
    path: '/oidc/token',
    form: { grant_type: 'refresh_token', refresh_token: TOKEN },
    right: () => ({ access_token: issuer().sign(issuer().accessTokenClaims()) }) as unknown,
    call: (client: GenAuthClient): Promise<unknown> => client.refresh(TOKEN),
  },
  introspection: {
    path: '/oidc/token/introspection',
    form: { token: TOKEN, token_type_hint: 'access_token' },
    right: () => ({ active: true }) as unknown,
    call: (client: GenAuthClient): Promise<unknown> => client.introspect(TOKEN),
  },
  revocation: {
    path: '/oidc/token/revocation',
    form: { token: TOKEN, token_type_hint: 'refresh_token' },
    right: () => true as unknown,
    call: (client: GenAuthClient): Promise<unknown> => client.revoke(TOKEN),
  },
} as const;
type Name = keyof typeof CALLS;
const NAMES = Object.keys(CALLS) as Name[];

const received = (path: string): ReceivedRequest[] => issuer().requests.filter((request) => request.path === path);
const basic = (secret: string): string => `Basic ${Buffer.from(`${APP_ID}:${secret}`).toString('base64')}`;

describe.each(NAMES)('%s', (name) => {
  const { path, form, right, call } = CALLS[name];

  it.each<[string, Partial<GenAuthOptions>, object, string | undefined]>([
    ['client_secret_post', { appSecret: SECRET }, { ...form, client_id: APP_ID, client_secret: SECRET }, undefined],
    ['client_secret_basic', { tokenEndpointAuthMethod: 'client_secret_basic', appSecret: SECRET }, form, basic(SECRET)],
    ['none', { tokenEndpointAuthMethod: 'none', appSecret: undefined }, { ...form, client_id: APP_ID }, undefined],
  ])('by %s: these bytes, once', async (_method, options, expected, authorization) => {
    issuer().reply(path, { body: right() });
    await call(open(options));
    const [request, ...more] = received(path);
    expect(more).toEqual([]);
    expect(request).toMatchObject({ method: 'POST', body: new URLSearchParams({ ...expected }).toString() });
    expect(request?.headers).toMatchObject({
      'content-type': 'application/x-www-form-urlencoded',
      accept: 'application/json',
      'content-length': String(request?.body.length),
    });
    expect(request?.headers.authorization).toBe(authorization);
    expect(new Set(Object.keys(request?.headers ?? {}))).toEqual(
      new Set([
        ...'accept accept-encoding connection content-length content-type host user-agent'.split(' '),
        ...(authorization === undefined ? [] : ['authorization']),
      ]),
    );
  });

  /** Ways in which GenAuth says that the application itself is not to its liking. */
  const REFUSALS: [string, Reply][] = [
    ['invalid_client under HTTP 401', { status: 401, body: { error: 'invalid_client' } }],
    ['invalid_client under HTTP 400', { status: 400, body: { error: 'invalid_client' } }],
    ['invalid_client under HTTP 200', { status: 200, body: { error: 'invalid_client' } }],
    ['HTTP 401 with a page', { status: 401, body: '<html>' }],
    ['HTTP 401 with nothing', { status: 401 }],
    ['statusCode 401', { body: { statusCode: 401, message: 'client authentication failed' } }],
  ];

  it.each(REFUSALS)('%s: the operator must act, and a secret that is a text is not sent again', async (_, reply) => {
    issuer().reply(path, reply);
    const error = await catchError(call(open({ appSecret: SECRET })));
    expect(error).toMatchObject({ name: 'ConfigurationError', code: 'client_authentication_failed', statusCode: 500 });
    expect(error.message).toContain(path);
    expect(error.message).toContain('tokenEndpointAuthMethod');
    expect(findLeaks(error, [SECRET, TOKEN])).toEqual([]);
    expect(received(path)).toHaveLength(1);
  });

  it.each(['client_secret_post', 'client_secret_basic'] as const)(
    'a secret that was replaced (%s): asked for and sent once more',
    async (tokenEndpointAuthMethod) => {
      const secrets = (): (string | undefined)[] =>
        received(path).map(({ headers, body }) =>
          tokenEndpointAuthMethod === 'client_secret_post'
            ? (new URLSearchParams(body).get('client_secret') ?? undefined)
            : Buffer.from(headers.authorization?.slice(6) ?? '', 'base64')
                .toString()
                .split(':')[1],
        );
      issuer().reply(path, () =>
        secrets().at(-1) === 'new' ? { body: right() } : { status: 401, body: { error: 'invalid_client' } },
      );
      const { source, asked } = createVault('old', 'new');
      const client = open({ tokenEndpointAuthMethod, appSecret: source });
      await call(client);
      expect([secrets(), asked()]).toEqual([['old', 'new'], 2]);
      await call(client);
      expect([secrets(), asked()]).toEqual([['old', 'new', 'new'], 2]);
    },
  );

  it.each<[string, string[], number]>([
    ['the same', ['old'], 1],
    ['another, which is refused too', ['old', 'wrong', 'third'], 2],
  ])('a secret that turns out %s: the operator must act, without a third try', async (_, secrets, sent) => {
    issuer().reply(path, { status: 401, body: { error: 'invalid_client' } });
    const { source, asked } = createVault(...secrets);
    expect(await catchError(call(open({ appSecret: source })))).toMatchObject({ code: 'client_authentication_failed' });
    expect([received(path).length, asked()]).toEqual([sent, 2]);
  });

  it.each<[string, Reply, string, number | undefined]>([
    ['HTTP 500', { status: 500, body: '<html>' }, 'upstream_unavailable', undefined],
    ['HTTP 503 with Retry-After', { status: 503, headers: { 'retry-after': '7' } }, 'upstream_unavailable', 7],
    ['HTTP 429', { status: 429, body: { error: 'slow_down' } }, 'upstream_unavailable', undefined],
    ['statusCode 500', { body: { statusCode: 500 } }, 'upstream_unavailable', undefined],
    ['statusCode 429', { body: { statusCode: 429 } }, 'upstream_unavailable', undefined],
    ['statusCode 403', { body: { statusCode: 403 } }, 'upstream_invalid_response', undefined],
    ['statusCode 301', { body: { statusCode: 301 } }, 'upstream_invalid_response', undefined],
    ['HTTP 400', { status: 400, body: { error: 'invalid_request' } }, 'upstream_invalid_response', undefined],
    ['an error under HTTP 200', { body: { error: 'server_error' } }, 'upstream_invalid_response', undefined],
    ['HTTP 404', { status: 404, body: '<html>' }, 'upstream_invalid_response', undefined],
    ['a redirect', { status: 307, headers: { location: '/' } }, 'upstream_invalid_response', undefined],
    ['more than a megabyte', { body: 'x'.repeat(1024 * 1024 + 1) }, 'upstream_invalid_response', undefined],
    ['a reset connection', { reset: true }, 'upstream_unreachable', undefined],
  ])('%s: an outage, after one request, and no 401', async (_, reply, code, retryAfter) => {
    issuer().reply(path, reply);
    const error = await catchError(call(open({ appSecret: SECRET })));
    expect(error).toMatchObject({ name: 'UpstreamError', code, retryAfter });
    expect(findLeaks(error, [SECRET, TOKEN])).toEqual([]);
    expect(received(path)).toHaveLength(1);
  });

  it('a body that is no answer of this path: upstream_invalid_response, but for a revocation, which has none', async () => {
    for (const body of ['', '<html>', 'null', '[]', '"x"', '{}', '{"access_token":5,"active":"true"}']) {
      issuer().reply(path, { body });
      const result = await call(open()).then(
        () => 'done',
        ({ code }: { code: string }) => code,
      );
      expect(result).toBe(name === 'revocation' ? 'done' : 'upstream_invalid_response');
    }
  });
});

describe('what cannot be a token is the caller’s mistake, and nothing is sent', () => {
  it.each<[string, unknown]>([
    ['an empty text', ''],
    ['8,193 characters', 'x'.repeat(8193)],
    ['nothing', undefined],
    ['null', null],
    ['a number', 5],
    ['a list', [TOKEN]],
    ['an object', { toString: () => TOKEN }],
  ])('%s', async (_, token) => {
    const client = open();
    for (const call of ['refresh', 'introspect', 'revoke'] as const) {
      const error = await catchError(client[call](token as string));
      expect(error).toMatchObject({ name: 'RequestError', code: 'invalid_request', statusCode: 400 });
      expect(findLeaks(error, [TOKEN])).toEqual([]);
    }
    expect(issuer().count()).toBe(0);
  });

  it('8,192 characters are one', async () => {
    issuer().reply('/oidc/token/introspection', { body: { active: false } });
    expect(await open().introspect('x'.repeat(8192))).toMatchObject({ active: false });
  });
});

describe('how long a guarded request waits for GenAuth', () => {
  it.each<[string, number, number, (client: GenAuthClient) => Promise<unknown>]>([
    ['introspection: 5 s, however long the timeout', 60_000, 5000, (client) => client.introspect(TOKEN)],
    ['introspection: the timeout, where that is shorter', 1000, 1000, (client) => client.introspect(TOKEN)],
    ['refresh: the timeout', 60_000, 60_000, (client) => client.refresh(TOKEN)],
    ['revocation: the timeout', 60_000, 60_000, (client) => client.revoke(TOKEN)],
    [
      'user info: 5 s',
      60_000,
      5000,
      (client) => client.userInfo(issuer().sign(issuer().accessTokenClaims({ iss: client.options.issuer }))),
    ],
  ])('%s', async (_, timeout, expected, call) => {
    const silent = await serve();
    const client = open({ appHost: silent.url, jwksUri: `${issuer().url}${JWKS_PATH}`, timeout });
    await client.warmUp();
    jest.useFakeTimers({ doNotFake: ['setImmediate', 'performance', 'Date'] });
    let settled = false;
    const failure = catchError(call(client)).finally(() => {
      settled = true;
    });
    await until(() => silent.received.some((text) => text.includes('\r\n\r\n')));
    await jest.advanceTimersByTimeAsync(expected - 1);
    expect(settled).toBe(false);
    await jest.advanceTimersByTimeAsync(1);
    expect(await failure).toMatchObject({
      code: 'upstream_timeout',
      message: expect.stringContaining(`within ${expected} ms`),
    });
  });
});
