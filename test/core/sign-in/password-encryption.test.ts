import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import fc from 'fast-check';
import { RequestError, UpstreamError } from '../../../src/core/errors.js';
import { PasswordEncryption } from '../../../src/core/sign-in/password-encryption.js';
import { findLeaks } from '../../support/leak.js';
import { createRsaPasswordKey, createSm2PasswordKey } from '../../support/password-key.js';
import { Gate, catchError } from '../../support/promise.js';
import { catchThrown } from '../../support/thrown.js';

type Type = 'rsa' | 'sm2';
const TYPES: readonly Type[] = ['rsa', 'sm2'];
const rsa = createRsaPasswordKey();
const sm2 = createSm2PasswordKey();
const next = { rsa: createRsaPasswordKey(), sm2: createSm2PasswordKey() };

/** Imports a key that GenAuth publishes at `/api/v3/system`. */
const importKey = (type: Type, publicKey: unknown): ReturnType<PasswordEncryption['getKey']> =>
  new PasswordEncryption({ requestSystem: async () => ({ [type]: { publicKey } }), now: () => 0 }).getKey(type);

const der = (type: 'spki' | 'pkcs1', pem = rsa.publicKey): string =>
  createPublicKey(pem).export({ type, format: 'der' }).toString('base64');
const bare = der('spki');

describe.each([rsa, sm2])('a password encrypted by $type', ({ type, publicKey, decrypt }) => {
  it('is decrypted to the same bytes by another library', async () => {
    const key = await importKey(type, publicKey);
    // Each character has at most 4 bytes, and the RSA key encrypts 117 bytes.
    const passwords = fc.string({ unit: 'binary', minLength: 1, maxLength: 29 });
    const examples = ['\0', 'e\u0301', '👩‍👩‍👧', '\uFEFFp', 'a\uDC00b'].map((text): [string] => [text]);
    fc.assert(
      fc.property(passwords, (password) => {
        expect(decrypt(key.encrypt(password)).toString('hex')).toBe(Buffer.from(password).toString('hex'));
      }),
      { seed: 20261128, numRuns: 20, examples },
    );
  });

  it('has another ciphertext each time', async () => {
    const key = await importKey(type, publicKey);
    const starts = Array.from({ length: 20 }, () => key.encrypt('passw0rd').slice(0, 12));
    expect(new Set(starts).size).toBe(20);
  });
});

describe('RSA', () => {
  it.each<[string, string]>([
    ['PEM', rsa.publicKey],
    ['PEM with CRLF', rsa.publicKey.replaceAll('\n', '\r\n')],
    ['PEM after a line of text', `GenAuth\n${rsa.publicKey}`],
    ['PKCS#1 in PEM', createPublicKey(rsa.publicKey).export({ type: 'pkcs1', format: 'pem' }) as string],
    ['base64 without PEM lines', bare],
    ['base64 in lines', ` ${bare.replaceAll(/.{64}/g, '$&\r\n')}\n`],
    ['base64url without padding', Buffer.from(bare, 'base64').toString('base64url')],
    ['PKCS#1 in base64', der('pkcs1')],
  ])('accepts a key as %s', async (_name, publicKey) => {
    const ciphertext = (await importKey('rsa', publicKey)).encrypt('passw0rd');
    expect(rsa.decrypt(ciphertext).toString()).toBe('passw0rd');
    // 1024 bits have 172 characters in base64.
    expect(ciphertext).toMatch(/^[A-Za-z0-9+/]{171}=$/);
  });

  it.each([
    [1024, 117],
    [1032, 118],
    [2048, 245],
  ])('encrypts with a key of %i bits at most %i bytes', async (bits, limit) => {
    const { publicKey, decrypt } = createRsaPasswordKey(bits);
    const { encrypt } = await importKey('rsa', publicKey);
    const longest = 'ü'.repeat(58).padEnd(limit - 58, 'x');
    expect(decrypt(encrypt(longest)).toString()).toBe(longest);
    const thrown = catchThrown(() => encrypt(`${longest}x`));
    expect(thrown).toBeInstanceOf(RequestError);
    expect(thrown).toMatchObject({
      message: `The password has ${limit + 1} bytes: send at most ${limit} bytes.`,
      details: { field: 'password', limit, unit: 'bytes' },
    });
    expect(findLeaks(thrown, [longest])).toEqual([]);
  });

  /** A key with the same modulus and another exponent, in base64url. */
  const withExponent = (e: string): string => {
    const jwk = { ...rsa.key.export({ format: 'jwk' }), e };
    return createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }) as string;
  };
  const small = createRsaPasswordKey(1016).publicKey;
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const ed = generateKeyPairSync('ed25519').publicKey;
  const pss = generateKeyPairSync('rsa-pss', { modulusLength: 1024 }).publicKey;

  it('accepts the exponent 3', async () => {
    expect((await importKey('rsa', withExponent('Aw'))).encrypt('p')).toHaveLength(172);
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['an empty string', ''],
    ['a number', 5],
    ['words', 'no key today'],
    ['HTML', '<html><body>-----BEGIN PUBLIC KEY-----</body></html>'],
    ['a PEM without content', '-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n'],
    ['half of a PEM', rsa.publicKey.slice(0, 120)],
    ['a PEM in base64', Buffer.from(rsa.publicKey).toString('base64')],
    ['a key of 1016 bits', small],
    ['a key with the exponent 1', withExponent('AQ')],
    ['a key with an even exponent', withExponent('AQAA')],
    ['an elliptic curve', ec.export({ type: 'spki', format: 'pem' })],
    ['an Ed25519 key', ed.export({ type: 'spki', format: 'pem' })],
    ['an RSA key for signatures only', pss.export({ type: 'spki', format: 'pem' })],
    ['an SM2 key', sm2.publicKey],
  ])('refuses as a key %s', async (_name, publicKey) => {
    const error = await catchError(importKey('rsa', publicKey));
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error).toMatchObject({ code: 'upstream_invalid_response', statusCode: 502 });
  });
});

describe('SM2', () => {
  const point = sm2.publicKey.slice(2);
  const [x, y] = [point.slice(0, 64), point.slice(64)];
  const flip = (hex: string): string => hex.slice(0, -1) + (Number.parseInt(hex.slice(-1), 16) ^ 1).toString(16);

  it.each<[string, string]>([
    ['with 04', sm2.publicKey],
    ['without 04', point],
    ['in capitals', sm2.publicKey.toUpperCase()],
  ])('accepts a point %s', async (_name, publicKey) => {
    const ciphertext = (await importKey('sm2', publicKey)).encrypt('passw0rd');
    expect(sm2.decrypt(ciphertext).toString()).toBe('passw0rd');
    // C1 without 04, then C3 and C2: 128 + 64 + 2 · 8 hexadecimal digits, without the prefix "sm2:".
    expect(ciphertext).toMatch(/^[0-9a-f]{208}$/);
  });

  it('accepts a point without 04 whose x begins with 04', async () => {
    let pair = createSm2PasswordKey();
    while (!pair.publicKey.startsWith('0404')) pair = createSm2PasswordKey();
    const { encrypt } = await importKey('sm2', pair.publicKey.slice(2));
    expect(pair.decrypt(encrypt('passw0rd')).toString()).toBe('passw0rd');
  });

  it('never sends a password of one letter unencrypted', async () => {
    // The key stream is zero in one of 256 encryptions of one byte. The letter would then end the ciphertext.
    const { encrypt } = await importKey('sm2', sm2.publicKey);
    const ends = Array.from({ length: 1000 }, () => encrypt('p').slice(192));
    expect(ends).not.toContain(Buffer.from('p').toString('hex'));
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['an empty string', ''],
    ['a number', 4],
    ['words', 'no key today'],
    ['a point that is not on the curve', `04${x}${flip(y)}`],
    ['a point without 04 that is not on the curve', `${flip(x)}${y}`],
    ['a hybrid point', `06${point}`],
    ['a compressed point', `02${x}`],
    ['a point with one digit less', sm2.publicKey.slice(0, -1)],
    ['a point with one digit more', `${sm2.publicKey}0`],
    ['a letter that is no hexadecimal digit', `04${point.slice(0, -1)}g`],
    ['a point in base64', Buffer.from(sm2.publicKey, 'hex').toString('base64')],
    ['an RSA key', rsa.publicKey],
  ])('refuses as a key %s', async (_name, publicKey) => {
    const error = await catchError(importKey('sm2', publicKey));
    expect(error).toBeInstanceOf(UpstreamError);
    expect(error).toMatchObject({ code: 'upstream_invalid_response', statusCode: 502 });
  });
});

it.each<[Type, unknown, string]>([
  ['rsa', undefined, 'is missing'],
  ['rsa', 'x', 'is not an RSA key of 1024 bits or more'],
  ['sm2', undefined, 'is missing'],
  ['sm2', 'x', 'is not a curve point in hex'],
  ['sm2', '1'.repeat(128), 'is not a point on the curve'],
])('says why the %s key %j cannot be used, and what to do', async (type, publicKey, problem) => {
  expect((await catchError(importKey(type, publicKey))).message).toBe(
    `GenAuth's ${type} key for passwords ${problem}, so no user can sign in with passwordEncryptType '${type}': ` +
      "ask GenAuth's support, or write passwordEncryptType: 'none'.",
  );
});

describe('PasswordEncryption', () => {
  /** Answers each request as the next function says, and as the last one from then on. */
  function open(...answers: (() => unknown)[]) {
    const seen = { requests: 0, now: 0 };
    const requestSystem = async (): Promise<unknown> => {
      seen.requests += 1;
      return answers[Math.min(seen.requests, answers.length) - 1]?.();
    };
    return Object.assign(seen, { keys: new PasswordEncryption({ requestSystem, now: () => seen.now }) });
  }
  const system = (pairs: Record<Type, { publicKey: string }>) => (): object => ({
    rsa: { publicKey: pairs.rsa.publicKey },
    sm2: { publicKey: pairs.sm2.publicKey },
  });
  const [first, second] = [system({ rsa, sm2 }), system(next)];
  const fail = (): never => {
    throw new Error('GenAuth is down');
  };

  it('fetches both keys once for parallel logins, and uses them for ten minutes', async () => {
    const bench = open(first);
    const [key] = await Promise.all([bench.keys.getKey('rsa'), bench.keys.getKey('sm2')]);
    bench.now = 599_999;
    expect([(await bench.keys.getKey('sm2')).source === key.source, bench.requests]).toEqual([true, 1]);
    bench.now = 600_000;
    expect([(await bench.keys.getKey('rsa')).source === key.source, bench.requests]).toEqual([false, 2]);
  });

  it.each(TYPES)('fetches the keys again for the next login if the %s key is unusable', async (type) => {
    const bench = open(() => ({ [type]: { publicKey: 'x' } }), first);
    await catchError(bench.keys.getKey(type));
    await bench.keys.getKey(type);
    expect(bench.requests).toBe(2);
  });

  it('uses no old keys after a failure, and fetches again for the next login', async () => {
    const bench = open(first, fail, fail, first);
    await bench.keys.getKey('rsa');
    bench.now = 600_000;
    const errors = [await catchError(bench.keys.getKey('rsa')), await catchError(bench.keys.getKey('rsa'))];
    expect(errors).toMatchObject([{ message: 'GenAuth is down' }, { message: 'GenAuth is down' }]);
    await bench.keys.getKey('rsa');
    expect(bench.requests).toBe(4);
  });

  it('imports a key again after a failed import', async () => {
    const { keys } = open(() => ({ sm2: { publicKey: '1'.repeat(128) } }));
    const error = await catchError(keys.getKey('sm2'));
    expect(await catchError(keys.getKey('sm2'))).not.toBe(error);
  });

  it.each(TYPES)('imports the %s key again only if it changed', async (type) => {
    const { keys } = open(first, first, second);
    const key = await keys.getKey(type);
    keys.forget(key);
    const same = await keys.getKey(type);
    expect(same.encrypt).toBe(key.encrypt);
    keys.forget(same);
    expect(next[type].decrypt((await keys.getKey(type)).encrypt('p')).toString()).toBe('p');
  });

  it('fetches the keys again after `forget`, unless they were fetched again already', async () => {
    const bench = open(first, second);
    const old = await bench.keys.getKey('rsa');
    bench.keys.forget(old);
    const fresh = await bench.keys.getKey('rsa');
    bench.keys.forget(old);
    expect([await bench.keys.getKey('rsa'), bench.requests]).toEqual([fresh, 2]);
    bench.keys.forget(fresh);
    await bench.keys.getKey('sm2');
    expect(bench.requests).toBe(3);
  });

  it('ignores `forget` while new keys are being fetched', async () => {
    const gate = new Gate<object>();
    const bench = open(first, () => gate.opened);
    const old = await bench.keys.getKey('rsa');
    bench.keys.forget(old);
    const pending = bench.keys.getKey('rsa');
    bench.keys.forget(old);
    gate.open(first());
    await pending;
    await bench.keys.getKey('rsa');
    expect(bench.requests).toBe(2);
  });
});
