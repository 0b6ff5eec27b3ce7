import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { RequestError, UpstreamError } from '../../../src/core/errors.js';
import { PasswordEncryption } from '../../../src/core/sign-in/password-encryption.js';
import { findLeaks } from '../../support/leak.js';
import { type PasswordKeyPair, createRsaPasswordKey, createSm2PasswordKey } from '../../support/password-key.js';
import { Gate, catchError } from '../../support/promise.js';
import { catchThrown } from '../../support/thrown.js';

type Type = 'rsa' | 'sm2';
const rsa = createRsaPasswordKey();
const sm2 = createSm2PasswordKey();
const pems = (publicKey = rsa.publicKey): { bare: string; pkcs1: string; bareDer: string } => {
  const key = createPublicKey(publicKey);
  return {
    bare: key.export({ type: 'spki', format: 'der' }).toString('base64'),
    pkcs1: key.export({ type: 'pkcs1', format: 'pem' }) as string,
    bareDer: key.export({ type: 'pkcs1', format: 'der' }).toString('base64'),
  };
};

/** The key that comes of what GenAuth says at `/api/v3/system`. */
const importKey = (type: Type, publicKey: unknown): ReturnType<PasswordEncryption['getKey']> =>
  new PasswordEncryption({ requestSystem: async () => ({ [type]: { publicKey } }), now: () => 0 }).getKey(type);

/** NFC and NFD, right to left, beyond the BMP, control characters: what a keyboard and a client may send. */
const PASSWORDS = [
  'p',
  ' ',
  '\0',
  ' p ',
  '\t\n',
  '\u00E9',
  'e\u0301',
  '密码',
  'كلمة',
  '👩‍👩‍👧',
  '\uFEFFp',
  '\'"\\',
  '04',
  '%00',
];
/** UTF-8 has no lone surrogates: every encoder writes U+FFFD for one. */
const SURROGATES = ['\uD800', 'a\uDC00b', '\uD83D', '😀\uDE00'];

describe.each([rsa, sm2])('$type: the other side reads the very bytes', ({ type, publicKey, decrypt }) => {
  it.each([...PASSWORDS, ...SURROGATES])('%j', async (password) => {
    const key = await importKey(type, publicKey);
    expect(decrypt(key.encrypt(password)).toString('hex')).toBe(Buffer.from(password).toString('hex'));
  });

  it('of every length to the limit', async () => {
    const key = await importKey(type, publicKey);
    const lengths = type === 'rsa' ? [1, 2, 7, 8, 63, 64, 65, 116, 117] : [1, 2, 31, 32, 33, 1023, 1024, 3072];
    for (const length of lengths) {
      const password = 'p'.repeat(length);
      expect(decrypt(key.encrypt(password)).toString()).toBe(password);
    }
  });

  it('and another ciphertext each time', async () => {
    const key = await importKey(type, publicKey);
    const ciphertexts = Array.from({ length: 20 }, () => key.encrypt('p'.repeat(8)));
    expect(new Set(ciphertexts).size).toBe(20);
    expect(new Set(ciphertexts.map((ciphertext) => ciphertext.slice(0, 12))).size).toBe(20);
  });
});

/** The same modulus, and an exponent that makes no RSA of it. */
function withExponent(e: string): string {
  const jwk = { ...rsa.key.export({ format: 'jwk' }), e };
  return createPublicKey({ key: jwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }) as string;
}

describe('RSA', () => {
  it.each<[string, string]>([
    ['PEM', rsa.publicKey],
    ['PEM without the last line break', rsa.publicKey.trimEnd()],
    ['PEM with CRLF', rsa.publicKey.replaceAll('\n', '\r\n')],
    ['PEM between line breaks', `\n\n${rsa.publicKey}\n\n`],
    ['PEM behind a remark', `GenAuth\n${rsa.publicKey}`],
    ['PKCS#1 PEM', pems().pkcs1],
    ['bare base64', pems().bare],
    ['bare base64 in lines', pems().bare.replaceAll(/.{64}/g, '$&\r\n')],
    ['bare base64 between spaces', ` ${pems().bare}\n`],
    ['bare base64url without padding', pems().bare.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')],
    ['bare base64 of PKCS#1', pems().bareDer],
  ])('takes %s', async (_name, publicKey) => {
    const ciphertext = (await importKey('rsa', publicKey)).encrypt('passw0rd');
    expect(rsa.decrypt(ciphertext).toString()).toBe('passw0rd');
    // One line of base64: 1024 bits are 172 characters.
    expect(ciphertext).toMatch(/^[A-Za-z0-9+/]{171}=$/);
  });

  it.each([
    [1024, 117],
    [1032, 118],
    [2048, 245],
    [3072, 373],
  ])('a key of %i bits takes %i bytes, not one more', async (bits, most) => {
    const { publicKey, decrypt } = createRsaPasswordKey(bits);
    const key = await importKey('rsa', publicKey);
    for (const password of ['x'.repeat(most), `${'ü'.repeat((most - 1) / 2)}${'y'.repeat(most % 2 === 0 ? 2 : 1)}`]) {
      expect(decrypt(key.encrypt(password)).toString()).toBe(password);
    }
    for (const password of ['canary'.padEnd(most + 1, 'x'), 'canary'.padEnd(most / 2 + 4, 'ü'), 'canary'.repeat(170)]) {
      const thrown = catchThrown(() => key.encrypt(password));
      expect(thrown).toBeInstanceOf(RequestError);
      const bytes = Buffer.byteLength(password);
      expect(String(thrown)).toBe(`RequestError: The password has ${bytes} bytes: send at most ${most} bytes.`);
      expect(findLeaks(thrown, ['canary'])).toEqual([]);
    }
  });

  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const ed = generateKeyPairSync('ed25519').publicKey;
  const pss = generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey;
  const small = createRsaPasswordKey(512).publicKey;
  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['an empty text', ''],
    ['a number', 5],
    ['an object', { pem: rsa.publicKey }],
    ['a list', [rsa.publicKey]],
    ['words', 'no key today'],
    ['HTML', '<html><body>-----BEGIN PUBLIC KEY-----</body></html>'],
    ['a PEM of nothing', '-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n'],
    ['half a PEM', rsa.publicKey.slice(0, 120)],
    ['a PEM without its end', rsa.publicKey.replace(/-----END.*/, '')],
    ['half of the base64', pems().bare.slice(0, 100)],
    ['the PEM in base64', Buffer.from(rsa.publicKey).toString('base64')],
    ['the DER in hex', Buffer.from(pems().bare, 'base64').toString('hex')],
    ['a JWK', JSON.stringify(rsa.key.export({ format: 'jwk' }))],
    ['a key of 512 bits', small],
    ['a key with the exponent 1', withExponent('AQ')],
    ['a key with an even exponent', withExponent('AQAA')],
    ['a key of 512 bits in bare base64', pems(small).bare],
    ['an elliptic curve', ec.export({ type: 'spki', format: 'pem' })],
    ['an elliptic curve in bare base64', ec.export({ type: 'spki', format: 'der' }).toString('base64')],
    ['Ed25519', ed.export({ type: 'spki', format: 'pem' })],
    ['an RSA key for signatures alone', pss.export({ type: 'spki', format: 'pem' })],
    ['an SM2 key', sm2.publicKey],
  ])('%s: no key, and so no login', async (_name, publicKey) => {
    await expectUnusable('rsa', publicKey);
  });
});

describe('SM2', () => {
  const bare = sm2.publicKey.slice(2);
  const [x, y] = [bare.slice(0, 64), bare.slice(64)];
  const flip = (hex: string): string =>
    `${hex.slice(0, -1)}${((Number.parseInt(hex.at(-1) ?? '', 16) ^ 1) >>> 0).toString(16)}`;

  it.each<[string, string]>([
    ['with 04', sm2.publicKey],
    ['without 04', bare],
    ['in capitals', sm2.publicKey.toUpperCase()],
    ['in capitals without 04', bare.toUpperCase()],
  ])('takes a point %s', async (_name, publicKey) => {
    const ciphertext = (await importKey('sm2', publicKey)).encrypt('passw0rd');
    expect(sm2.decrypt(ciphertext).toString()).toBe('passw0rd');
    // C1 without 04, C3, C2: 128 + 64 + 2 · 8 characters of lower-case hex, and no prefix.
    expect(ciphertext).toMatch(/^[0-9a-f]{208}$/);
  });

  it('takes a point whose x begins with 04', async () => {
    let pair = createSm2PasswordKey();
    while (!pair.publicKey.startsWith('0404')) pair = createSm2PasswordKey();
    for (const publicKey of [pair.publicKey, pair.publicKey.slice(2)]) {
      expect(pair.decrypt((await importKey('sm2', publicKey)).encrypt('passw0rd')).toString()).toBe('passw0rd');
    }
  });

  it('300 passwords of each of three single letters: none is sent as itself', async () => {
    // The key stream is zero for one letter in 256, and would leave it in the clear at the end of the ciphertext.
    const key = await importKey('sm2', sm2.publicKey);
    for (const letter of ['p', '0', ' ']) {
      const hex = Buffer.from(letter).toString('hex');
      for (let i = 0; i < 300; i += 1) {
        const ciphertext = key.encrypt(letter);
        expect(ciphertext.slice(192)).not.toBe(hex);
        if (i % 50 === 0) expect(sm2.decrypt(ciphertext).toString()).toBe(letter);
      }
    }
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['an empty text', ''],
    ['a number', 4],
    ['words', 'no key today'],
    ['the prefix alone', '04'],
    ['not on the curve', `04${x}${flip(y)}`],
    ['not on the curve, without 04', `${flip(x)}${y}`],
    ['x and y the other way round', `04${y}${x}`],
    ['infinity', `04${'0'.repeat(128)}`],
    ['beyond the field', `04${'f'.repeat(128)}`],
    ['a hybrid point', `06${bare}`],
    ['compressed', `0${Number.parseInt(y.at(-1) ?? '', 16) % 2 === 0 ? 2 : 3}${x}`],
    ['a character short', sm2.publicKey.slice(0, -1)],
    ['a character more', `${sm2.publicKey}0`],
    ['a byte more', `04${sm2.publicKey}`],
    ['with 0x', `0x${bare}`],
    ['with a letter that is no hex', `04${bare.slice(0, -1)}g`],
    ['in base64', Buffer.from(sm2.publicKey, 'hex').toString('base64')],
    ['a list', [sm2.publicKey]],
    ['an RSA key', rsa.publicKey],
    [
      'a point of P-256',
      ((): string => {
        const { x: px = '', y: py = '' } = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({
          format: 'jwk',
        });
        return `04${Buffer.from(px, 'base64url').toString('hex')}${Buffer.from(py, 'base64url').toString('hex')}`;
      })(),
    ],
  ])('%s: no key, and so no login', async (_name, publicKey) => {
    await expectUnusable('sm2', publicKey);
  });
});

async function expectUnusable(type: Type, publicKey: unknown): Promise<void> {
  const error = await catchError(importKey(type, publicKey));
  expect(error).toBeInstanceOf(UpstreamError);
  expect(error).toMatchObject({ code: 'upstream_invalid_response', statusCode: 502 });
  expect(error.message).toMatch(
    new RegExp(
      `^GenAuth's ${type} key for passwords is [^']+, so no user can sign in with passwordEncryptType '${type}': ` +
        "ask GenAuth's support, or write passwordEncryptType: 'none'\\.$",
    ),
  );
}

it.each([rsa, sm2])('$type: a key that has not changed is not prepared again, one that has is', async (pair) => {
  let now = 0;
  let publicKey = pair.publicKey;
  const requestSystem = async (): Promise<unknown> => ({ [pair.type]: { publicKey } });
  const keys = new PasswordEncryption({ requestSystem, now: () => now });
  const first = await keys.getKey(pair.type);
  now += 600_000;
  const second = await keys.getKey(pair.type);
  // Two sets, so that `forget` tells them apart, and one preparation.
  expect([second === first, second.encrypt === first.encrypt]).toEqual([false, true]);
  const next = pair.type === 'rsa' ? createRsaPasswordKey() : createSm2PasswordKey();
  publicKey = next.publicKey;
  keys.forget(second);
  const third = await keys.getKey(pair.type);
  expect(third.encrypt).not.toBe(first.encrypt);
  expect(next.decrypt(third.encrypt('p')).toString()).toBe('p');
  // And back: what was prepared last is all that is kept.
  publicKey = pair.publicKey;
  keys.forget(third);
  expect(pair.decrypt((await keys.getKey(pair.type)).encrypt('p')).toString()).toBe('p');
});

describe('forget', () => {
  const systemOf = (first: PasswordKeyPair, second: PasswordKeyPair): object => ({
    rsa: { publicKey: first.publicKey },
    sm2: { publicKey: second.publicKey },
  });
  const laterRsa = createRsaPasswordKey();

  it('takes the set of that key out, and no newer one', async () => {
    let [now, asked] = [0, 0];
    const keys = new PasswordEncryption({
      requestSystem: () => {
        asked += 1;
        return Promise.resolve(systemOf(asked === 1 ? rsa : laterRsa, sm2));
      },
      now: () => now,
    });
    const old = await keys.getKey('rsa');
    now += 600_000;
    const fresh = await keys.getKey('rsa');
    keys.forget(old);
    expect([await keys.getKey('rsa'), asked]).toEqual([fresh, 2]);
    keys.forget(fresh);
    keys.forget(fresh);
    expect(await keys.getKey('rsa')).not.toBe(fresh);
    keys.forget(fresh);
    keys.forget(old);
    await keys.getKey('sm2');
    expect(asked).toBe(3);
  });

  it('nothing, or while new keys are on their way, is no error and costs no fetch', async () => {
    let asked = 0;
    const gate = new Gate();
    const keys = new PasswordEncryption({
      requestSystem: async () => {
        asked += 1;
        if (asked === 2) await gate.opened;
        return systemOf(rsa, sm2);
      },
      now: () => 0,
    });
    keys.forget({ encrypt: String, source: {} });
    const old = await keys.getKey('sm2');
    keys.forget(old);
    const coming = keys.getKey('sm2');
    keys.forget(old);
    gate.open();
    expect([await keys.getKey('sm2'), asked]).toEqual([await coming, 2]);
  });
});
