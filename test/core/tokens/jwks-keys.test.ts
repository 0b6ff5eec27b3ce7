import { type KeyObject, randomBytes } from 'node:crypto';
import { useIssuer } from '../../support/issuer.js';
import { MAX_AGE, ask, useKeySets } from '../../support/key-set.js';
import { catchError } from '../../support/promise.js';
import { createRsaKey } from '../../support/rsa-key.js';

const issuer = useIssuer();
const sets = useKeySets(issuer);
const next = createRsaKey({ kid: 'next' });
const known = (): string => issuer().key.kid;
const modulus = (key: KeyObject): string | undefined => key.export({ format: 'jwk' }).n;
const UNKNOWN = { code: 'token_key_unknown', statusCode: 401 };

describe('which keys may verify', () => {
  const hex = (text = ''): string => Buffer.from(text, 'base64url').toString('hex');
  const rsa = createRsaKey({ kid: 'odd' }).jwk;
  const { n } = rsa;
  /** No product of primes, but of the very length: nobody checks for more. */
  const numberOf = (bits: number): string => {
    const bytes = randomBytes(Math.ceil(bits / 8));
    bytes[0] = ((bytes[0] ?? 0) & ((0xff >> (-bits % 8)) & 0xff)) | (1 << ((bits - 1) % 8));
    bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) | 1;
    return bytes.toString('base64url');
  };
  const zeros = (text: string, count: number): string =>
    Buffer.concat([Buffer.alloc(count), Buffer.from(text, 'base64url')]).toString('base64url');

  it.each<[string, object]>([
    ['use sig, alg RS256', {}],
    ['no alg', { alg: undefined }],
    ['no use', { use: undefined }],
    ['key_ops verify', { key_ops: ['verify'] }],
    ['key_ops verify among others', { key_ops: ['encrypt', 'verify'] }],
    ['2048 bits', { n: numberOf(2048) }],
    ['3072 bits', { n: numberOf(3072) }],
    ['8192 bits', { n: numberOf(8192) }],
    ['a zero byte before the modulus', { n: zeros(n, 1) }],
    ['a kid of 256 characters', { kid: 'k'.repeat(256) }],
    ['kid __proto__', { kid: '__proto__' }],
    [
      'members of other kinds of key',
      { d: 'AQAB', k: 'c2VjcmV0', x5c: ['no certificate'], x5u: 'http://127.0.0.1:9/', jku: 7 },
    ],
  ])('%s: yes', async (_, change) => {
    const jwk = { ...rsa, ...change };
    sets.publish(issuer().key.jwk, jwk);
    const key = await sets.open().getKey(jwk.kid, false);
    expect([key.type, key.asymmetricKeyType]).toEqual(['public', 'rsa']);
    expect(BigInt(`0x${hex(modulus(key))}`)).toBe(BigInt(`0x${hex(jwk.n)}`));
  });

  it.each<[string, unknown]>([
    ['alg RS512', { ...rsa, alg: 'RS512' }],
    ['alg PS256', { ...rsa, alg: 'PS256' }],
    ['alg HS256', { ...rsa, alg: 'HS256' }],
    ['alg none', { ...rsa, alg: 'none' }],
    ['alg empty', { ...rsa, alg: '' }],
    ['alg null', { ...rsa, alg: null }],
    ['alg as a list', { ...rsa, alg: ['RS256'] }],
    ['use enc', { ...rsa, use: 'enc' }],
    ['use SIG', { ...rsa, use: 'SIG' }],
    ['use empty', { ...rsa, use: '' }],
    ['key_ops sign', { ...rsa, key_ops: ['sign'] }],
    ['key_ops empty', { ...rsa, key_ops: [] }],
    ['key_ops as a text', { ...rsa, key_ops: 'verify' }],
    ['no kty', { ...rsa, kty: undefined }],
    ['kty rsa', { ...rsa, kty: 'rsa' }],
    ['kty EC', { ...rsa, kty: 'EC', crv: 'P-256', x: n.slice(0, 43), y: n.slice(0, 43) }],
    ['kty OKP', { ...rsa, kty: 'OKP', crv: 'Ed25519', x: n.slice(0, 43) }],
    ['kty oct', { kty: 'oct', kid: 'odd', k: Buffer.from('secret').toString('base64url') }],
    ['no n', { ...rsa, n: undefined }],
    ['n empty', { ...rsa, n: '' }],
    ['n a number', { ...rsa, n: 65_537 }],
    ['n nothing but zeros', { ...rsa, n: zeros('', 256) }],
    ['n in characters that are no base64url', { ...rsa, n: '§'.repeat(342) }],
    ['1024 bits', { ...rsa, n: createRsaKey({ bits: 1024 }).jwk.n }],
    ['1024 bits behind 200 zero bytes', { ...rsa, n: zeros(numberOf(1024), 200) }],
    ['2047 bits', { ...rsa, n: numberOf(2047) }],
    ['8193 bits', { ...rsa, n: numberOf(8193) }],
    ['16384 bits', { ...rsa, n: numberOf(16_384) }],
    ['no e', { ...rsa, e: undefined }],
    ['e a number', { ...rsa, e: 65_537 }],
    ['e empty', { ...rsa, e: '' }],
    ['e 0', { ...rsa, e: 'AA' }],
    ['e 1', { ...rsa, e: 'AQ' }],
    ['e 2', { ...rsa, e: 'Ag' }],
    ['e 3, a real key', { ...createRsaKey({ exponent: 3 }).jwk, kid: 'odd' }],
    ['e 65536', { ...rsa, e: 'AQAA' }],
    ['e 65537 and a byte more', { ...rsa, e: 'AQABAQ' }],
    ['no kid', { ...rsa, kid: undefined }],
    ['kid a number', { ...rsa, kid: 7 }],
    ['kid a list', { ...rsa, kid: ['odd'] }],
    ['null', null],
    ['a text', 'odd'],
    ['a list', [rsa]],
  ])('%s: no, and the good key beside it stays good', async (_, jwk) => {
    sets.publish(jwk, issuer().key.jwk);
    const jwks = sets.open();
    expect(await catchError(jwks.getKey('odd', false))).toMatchObject(UNKNOWN);
    expect(modulus(await jwks.getKey(known(), false))).toBe(issuer().key.jwk.n);
    // Only one key counts, so a token without kid is clear.
    expect(modulus(await jwks.getKey(undefined, false))).toBe(issuer().key.jwk.n);
  });

  it.each(['', 'k'.repeat(257)])('kid %j: no', async (kid) => {
    sets.publish({ ...rsa, kid }, issuer().key.jwk);
    expect(await ask(sets.open(), kid)).toBe('token_key_unknown');
  });

  it('of two keys with one kid the first', async () => {
    sets.publish({ ...rsa, kid: known() }, issuer().key.jwk);
    expect(modulus(await sets.open().getKey(known(), false))).toBe(n);
  });

  it.each(['__proto__', 'constructor', 'toString', 'size', '../../dev/null', "' OR 1=1", ''])(
    'kid %j is only a name',
    async (kid) => {
      expect(await ask(sets.open(), kid)).toBe('token_key_unknown');
    },
  );

  it('without kid: one key is clear, two are not', async () => {
    const jwks = sets.open();
    expect(modulus(await jwks.getKey(undefined, false))).toBe(issuer().key.jwk.n);
    sets.publish(issuer().key.jwk, next.jwk);
    sets.now += MAX_AGE;
    expect(await catchError(jwks.getKey(undefined, false))).toMatchObject({
      ...UNKNOWN,
      message: expect.stringContaining('2'),
    });
  });
});
