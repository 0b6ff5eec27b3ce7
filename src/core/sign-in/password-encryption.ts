import { type KeyObject, constants, createPublicKey, publicEncrypt } from 'node:crypto';
import { RequestError, UpstreamError } from '../errors.js';
import { RefreshingValue } from '../util/refreshing-value.js';
import { parseSystemKeys } from '../wire/parse.js';

/** PKCS#1 v1.5 padding takes this much of the key (RFC 8017 §7.2.1). */
const RSA_PADDING_BYTES = 11;
/** GenAuth's keys have 1024 bits; anything below is no key any more. */
const MIN_RSA_BITS = 1024;
/** GenAuth says nothing of how long its keys live; that one has changed is noticed by apiCode 2016. */
const MAX_AGE_MS = 10 * 60_000;

type EncryptedBy = 'rsa' | 'sm2';

/** What one fetch returned: public keys as texts, none of them checked. */
type SystemKeys = Partial<Record<EncryptedBy, string>>;

type Encrypt = (password: string) => string;

/** One of GenAuth's public keys, ready for use. */
export interface PasswordKey {
  /**
   * @returns With RSA base64 of PKCS#1 v1.5, with SM2 hex of C1C3C2 without the leading `04`.
   * @throws RequestError if the password is too long for the key; `details.limit` is the most, in bytes.
   */
  readonly encrypt: Encrypt;
  /** The fetch that the key comes from. */
  readonly source: SystemKeys;
}

export interface PasswordEncryptionSettings {
  /** `GET /api/v3/system`: the parsed body. */
  requestSystem: () => Promise<unknown>;
  /** Milliseconds since 1970. */
  now: () => number;
}

/**
 * GenAuth's public keys for passwords, fetched once and kept for ten minutes. A key that is missing or wrong refuses the
 * login: a password is never sent in the clear instead.
 */
export class PasswordEncryption {
  readonly #requestSystem: () => Promise<unknown>;
  readonly #system: RefreshingValue<SystemKeys>;
  /** The last key of each type: to prepare an SM2 key takes 40 ms and more, so an unchanged one is prepared once. */
  readonly #prepared = new Map<EncryptedBy, { text: string; encrypt: Promise<Encrypt> }>();

  constructor({ requestSystem, now }: PasswordEncryptionSettings) {
    this.#requestSystem = requestSystem;
    // Without a pause: after a failure the next login asks again.
    this.#system = new RefreshingValue({ maxAge: MAX_AGE_MS, staleIfError: 0, pause: 0, now });
  }

  /**
   * The key, from the cache or from GenAuth. The first use of SM2 takes 50 to 200 ms of processor time.
   *
   * @throws UpstreamError if GenAuth cannot be asked, or has no usable key of this type.
   */
  async getKey(type: EncryptedBy): Promise<PasswordKey> {
    const source = await this.#system.get(async () => parseSystemKeys(await this.#requestSystem()));
    try {
      return { encrypt: await this.#prepare(type, source[type]), source };
    } catch (error) {
      this.#system.expire(source);
      throw error;
    }
  }

  /**
   * After GenAuth could not decrypt: the next password needs new keys, unless another login has fetched them already.
   */
  forget(key: PasswordKey): void {
    this.#system.expire(key.source);
  }

  #prepare(type: EncryptedBy, text: string | undefined): Promise<Encrypt> {
    if (text === undefined) throw unusable(type, 'is missing');
    const known = this.#prepared.get(type);
    if (known?.text === text) return known.encrypt;
    const encrypt = type === 'rsa' ? Promise.resolve(importRsaKey(text)) : importSm2Key(text);
    this.#prepared.set(type, { text, encrypt });
    // SM2's library may fail to load for a moment, for lack of file handles for example.
    encrypt.catch(() => this.#prepared.delete(type));
    return encrypt;
  }
}

function unusable(type: EncryptedBy, problem: string): UpstreamError {
  return new UpstreamError(
    'upstream_invalid_response',
    `GenAuth's ${type} key for passwords ${problem}, so nobody can sign in with passwordEncryptType '${type}': ask GenAuth, or set it to 'none'.`,
  );
}

/** PEM, or the same in bare base64: both occur (SubjectPublicKeyInfo or PKCS#1). */
function importRsaKey(text: string): Encrypt {
  const key = parseRsaKey(text);
  const { modulusLength: bits = 0, publicExponent = 0n } = key?.asymmetricKeyDetails ?? {};
  // With the exponent 1 the ciphertext is the password itself.
  const encrypts = publicExponent >= 3n && publicExponent % 2n === 1n;
  if (key?.asymmetricKeyType !== 'rsa' || bits < MIN_RSA_BITS || !encrypts) {
    throw unusable('rsa', 'is not an RSA key of 1024 bits or more');
  }
  const maxBytes = Math.ceil(bits / 8) - RSA_PADDING_BYTES;
  return (password) => {
    const bytes = Buffer.from(password, 'utf8');
    if (bytes.length > maxBytes) {
      throw new RequestError(`The password has ${bytes.length} bytes, and at most ${maxBytes} can be encrypted.`, {
        field: 'password',
        limit: maxBytes,
        unit: 'bytes',
      });
    }
    return publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, bytes).toString('base64');
  };
}

function parseRsaKey(text: string): KeyObject | undefined {
  const der = Buffer.from(text, 'base64');
  const forms = text.includes('-----BEGIN')
    ? [() => createPublicKey(text)]
    : (['spki', 'pkcs1'] as const).map((type) => () => createPublicKey({ key: der, format: 'der', type }));
  for (const parse of forms) {
    try {
      return parse();
    } catch {
      // Not in this form.
    }
  }
  return undefined;
}

/**
 * A point on the curve, in hex, with or without the `04` that says that it is uncompressed. SM2 is loaded when it is used: most
 * tenants never do. `sm-crypto-v2` with a precomputed key blocks for less than a millisecond a password, `sm-crypto` for 20.
 */
async function importSm2Key(text: string): Promise<Encrypt> {
  if (!/^(?:04)?[0-9a-f]{128}$/i.test(text)) throw unusable('sm2', 'is not a point in hex');
  const {
    default: { sm2 },
  } = await import('sm-crypto-v2');
  const point = ((): ReturnType<typeof sm2.precomputePublicKey> => {
    try {
      return sm2.precomputePublicKey(text.length === 128 ? `04${text}` : text);
    } catch {
      throw unusable('sm2', 'is not a point on the curve');
    }
  })();
  return (password) => {
    const bytes = Buffer.from(password, 'utf8');
    for (;;) {
      const ciphertext = sm2.doEncrypt(bytes, point, C1C3C2);
      // A key stream of zeros, which one password of one letter in 256 meets, would leave it in the clear (GM/T 0003.4 §6.1).
      if (!ciphertext.endsWith(bytes.toString('hex'))) return ciphertext;
    }
  };
}

/** GM/T 0009-2012: the order of the parts of a ciphertext. */
const C1C3C2 = 1;
