import { runDoctor } from '../../src/doctor/run-doctor.js';
import type { GenAuthEmulator, GenAuthEmulatorOptions } from '../../src/emulator/index.js';
import { ALICE, ZHANGSAN, useEmulators } from './support.js';

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
