import { Documents } from '../../src/doctor/documents.js';
import { runDoctor } from '../../src/doctor/run-doctor.js';
import type { GenAuthEmulator, GenAuthEmulatorOptions } from '../../src/emulator/index.js';
import { DISCOVERY_PATH, useIssuer } from '../support/issuer.js';
import { ALICE, ZHANGSAN, useEmulators } from './support.js';

const issuer = useIssuer();
const emulate = useEmulators();

describe('a run without problems requests the discovery document once, and the key set once per address:', () => {
  const JWKS = '/oidc/.well-known/jwks.json';
  type Row = [title: string, GenAuthEmulatorOptions, options: (at: GenAuthEmulator) => object, keySets: number];
  test.each<Row>([
    ['at both addresses', {}, () => ({}), 2],
    ['at the documented address only', { jwksAddress: 'host' }, () => ({}), 1],
    ['at the address with the application ID only', { jwksAddress: 'app' }, () => ({}), 1],
    ['at one of the addresses as jwksUri', {}, ({ url }) => ({ jwksUri: url + JWKS }), 2],
    ['at another host', {}, ({ url }) => ({ jwksUri: url.replace('127.0.0.1', 'localhost') + JWKS }), 3],
  ])('%s', async (_title, tenant, change, keySets) => {
    const emulator = await emulate(tenant);
    const options = { ...emulator.clientOptions, ...change(emulator) };
    const report = await runDoctor({ options, signIns: [ALICE, ZHANGSAN], env: {} });
    expect(report.level).toBe('ok');
    expect([emulator.requests('discovery'), emulator.requests('jwks')]).toEqual([1, keySets]);
  });
});

test('the client requests the key set again for a token with an unknown key', async () => {
  const emulator = await emulate({ jwksAddress: 'host' });
  emulator.flawIdToken('unknown_kid');
  await runDoctor({ options: emulator.clientOptions, signIns: [ALICE], env: {} });
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

  test('return a cached answer once, and then request the document again', async () => {
    const [first, second] = [connect(), connect()];
    const answer = await first.request(request);
    expect(answer).toMatchObject({ status: 200, body: { issuer: issuer().issuer } });
    expect(await second.request(request)).toBe(answer);
    expect(issuer().count()).toBe(1);
    expect(await second.request(request)).not.toBe(answer);
    expect(issuer().count()).toBe(2);
  });

  test('send one request for parallel requests', async () => {
    await Promise.all([connect().request(request), connect().request(request)]);
    expect(issuer().count()).toBe(1);
  });

  test('return an answer that was stored', async () => {
    const answer = { status: 200, body: {}, retryAfter: undefined };
    documents.keep(issuer().url + DISCOVERY_PATH, answer);
    expect(await connect().request(request)).toBe(answer);
    expect(issuer().count()).toBe(0);
  });

  test.each([
    ['a POST', { method: 'POST' as const }],
    ['a request with headers', { headers: { authorization: 'Bearer x' } }],
    ['another path', { path: '/oidc/.well-known/jwks.json' }],
  ])('always send %s', async (_title, changes) => {
    await connect().request(request);
    await connect().request({ ...request, ...changes });
    expect(issuer().count()).toBe(2);
  });
});
