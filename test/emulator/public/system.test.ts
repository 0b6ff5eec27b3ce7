import { createPublicKey } from 'node:crypto';
import { sm2 } from 'sm-crypto-v2';
import { GenAuthEmulator } from '../../../src/emulator/index.js';
import { getJson, getSystem, rawRequest, useEmulator } from '../support.js';

const PATH = '/api/v3/system';

describe('the system information', () => {
  const emulator = useEmulator();

  test('is keys and facts, without an envelope', async () => {
    const { status, headers, body } = await rawRequest(emulator().url + PATH);
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(JSON.parse(body)).toEqual({
      rsa: { publicKey: expect.any(String) },
      sm2: { publicKey: expect.any(String) },
      version: { server: expect.any(String), console: expect.any(String), login: expect.any(String) },
      publicIps: ['127.0.0.1'],
    });
    expect(emulator().requests('system')).toBe(1);
  });

  test('has an RSA key of 1024 bits as PEM, and of it nothing private', async () => {
    const { publicKey } = (await getSystem(emulator())).rsa;
    expect(publicKey).toMatch(/^-----BEGIN PUBLIC KEY-----\n[A-Za-z0-9+/=\n]+\n-----END PUBLIC KEY-----\n$/);
    const key = createPublicKey(publicKey);
    expect([key.asymmetricKeyType, key.asymmetricKeyDetails?.modulusLength]).toEqual(['rsa', 1024]);
  });

  test('has an SM2 key as the hex of a point on the curve', async () => {
    const { publicKey } = (await getSystem(emulator())).sm2;
    expect(publicKey).toMatch(/^04[\da-f]{128}$/);
    expect(sm2.verifyPublicKey(publicKey)).toBe(true);
  });

  test('has the same keys until they are rotated', async () => {
    const before = await getSystem(emulator());
    expect(await getSystem(emulator())).toEqual(before);
    emulator().reset();
    expect(await getSystem(emulator())).toEqual(before);
    await emulator().rotateEncryptionKeys();
    const after = await getSystem(emulator());
    expect(after.rsa).not.toEqual(before.rsa);
    expect(after.sm2).not.toEqual(before.sm2);
    expect(await getSystem(emulator())).toEqual(after);
  });

  test('has the same keys for those who ask at once', async () => {
    await using own = await new GenAuthEmulator().start();
    const [first, ...others] = await Promise.all(Array.from({ length: 5 }, () => getSystem(own)));
    for (const other of others) expect(other).toEqual(first);
  });
});

test('a stopped emulator starts with new keys for passwords', async () => {
  await using emulator = await new GenAuthEmulator().start();
  const before = await getSystem(emulator);
  await emulator.stop();
  await emulator.start();
  const after = await getSystem(emulator);
  expect(after.rsa).not.toEqual(before.rsa);
  expect(after.sm2).not.toEqual(before.sm2);
});

test('in an envelope, if the options say so', async () => {
  await using emulator = await new GenAuthEmulator({ systemWrapped: true }).start();
  expect(await getJson(emulator.url + PATH)).toEqual({
    statusCode: 200,
    message: '',
    requestId: expect.stringMatching(/^[\da-f-]{36}$/),
    data: {
      rsa: { publicKey: expect.stringContaining('PUBLIC KEY') },
      sm2: { publicKey: expect.any(String) },
      version: expect.any(Object),
      publicIps: ['127.0.0.1'],
    },
  });
});

test('with an RSA key in bare base64, if the options say so', async () => {
  await using emulator = await new GenAuthEmulator({ rsaKeyFormat: 'base64' }).start();
  const { publicKey } = (await getSystem(emulator)).rsa;
  expect(publicKey).toMatch(/^[A-Za-z0-9+/]+=*$/);
  const key = createPublicKey({ key: Buffer.from(publicKey, 'base64'), format: 'der', type: 'spki' });
  expect(key.asymmetricKeyDetails?.modulusLength).toBe(1024);
});
