import { Documents } from '../../src/doctor/documents.js';
import type { GenAuthEmulator, GenAuthEmulatorOptions } from '../../src/emulator/index.js';
import { DISCOVERY_PATH, useIssuer } from '../support/issuer.js';
import { EVERYBODY, PASSWORDS, environmentOf, useEmulators, visit } from './support.js';

const emulate = useEmulators();
const issuer = useIssuer();

describe('a healthy run requests each document once', () => {
  type Row = [
    name: string,
    options: GenAuthEmulatorOptions,
    variables: (emulator: GenAuthEmulator) => Record<string, string>,
    args: readonly string[],
    keySets: number,
  ];
  const JWKS = '/oidc/.well-known/jwks.json';
  test.each<Row>([
    ['without a sign-in', {}, () => ({}), [], 2],
    ['with a password and an AD sign-in', {}, () => ({}), EVERYBODY, 2],
    ['key set at the documented address only', { jwksAddress: 'host' }, () => ({}), EVERYBODY, 1],
    ['key set at the address with the app ID only', { jwksAddress: 'app' }, () => ({}), EVERYBODY, 1],
    ['jwksUri is configured', {}, ({ url }) => ({ GENAUTH_JWKS_URI: url + JWKS }), EVERYBODY, 2],
    [
      'jwksUri is configured with the app ID',
      { jwksAddress: 'app' },
      ({ url, appId }) => ({ GENAUTH_JWKS_URI: `${url}/${appId}${JWKS}` }),
      EVERYBODY,
      1,
    ],
    [
      'jwksUri is configured on another host',
      {},
      ({ url }) => ({ GENAUTH_JWKS_URI: url.replace('127.0.0.1', 'localhost') + JWKS }),
      EVERYBODY,
      3,
    ],
    [
      'id_tokens with HS256',
      { idTokenSignedResponseAlg: 'HS256' },
      () => ({ GENAUTH_ID_TOKEN_ALG: 'HS256' }),
      EVERYBODY,
      2,
    ],
  ])('%s', async (...[, options, variables, args, keySets]: Row) => {
    const emulator = await emulate(options);
    const env = { ...environmentOf(emulator), ...variables(emulator) };
    const { code, problems } = await visit(env, args, args.length > 0 ? PASSWORDS : []);
    expect([code, problems]).toEqual([0, []]);
    // The addresses of the key set are counted together.
    expect([emulator.requests('discovery'), emulator.requests('jwks')]).toEqual([1, keySets]);
  });
});

test('a token with an unknown key makes the client request the key set again', async () => {
  const emulator = await emulate({ jwksAddress: 'host' });
  emulator.flawIdToken('unknown_kid');
  const { problems } = await visit(environmentOf(emulator), ['--account', 'alice'], PASSWORDS.slice(0, 1));
  expect(problems).toEqual(['tokens: error id_token_key']);
  expect(emulator.requests('jwks')).toBe(2);
});

describe('connections that share documents', () => {
  const request = { method: 'GET', path: DISCOVERY_PATH, maxBytes: 10_000 } as const;
  let documents: Documents;
  beforeEach(() => {
    documents = new Documents();
  });
  afterEach(() => documents.close());
  const connect = () => documents.createHttp({ origin: issuer().url, timeout: 2_000 });

  test('an answer is given to each connection once, then it asks again', async () => {
    const [first, second] = [connect(), connect()];
    const answer = await first.request(request);
    expect(answer).toMatchObject({ status: 200, body: { issuer: issuer().issuer } });
    expect(await second.request(request)).toBe(answer);
    expect(issuer().count()).toBe(1);
    expect(await second.request(request)).not.toBe(answer);
    expect(issuer().count()).toBe(2);
  });

  test('requests at the same time are one', async () => {
    await Promise.all([connect().request(request), connect().request(request)]);
    expect(issuer().count()).toBe(1);
  });

  test('an answer that is kept needs no request', async () => {
    const answer = { status: 200, body: {}, retryAfter: undefined };
    documents.keep(issuer().url + DISCOVERY_PATH, answer);
    expect(await connect().request(request)).toBe(answer);
    expect(issuer().count()).toBe(0);
  });

  test.each([
    ['a POST', { method: 'POST' as const }],
    ['a request with headers', { headers: { authorization: 'Bearer x' } }],
    ['another path', { path: '/oidc/.well-known/jwks.json' }],
  ])('%s is sent', async (_name, changes) => {
    await connect().request(request);
    await connect().request({ ...request, ...changes });
    expect(issuer().count()).toBe(2);
  });
});
