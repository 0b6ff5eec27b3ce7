import { type KeyObject, constants, createPublicKey, publicEncrypt } from 'node:crypto';
import { RequestError, UpstreamError } from '../errors.js';
import { preload } from '../util/maybe-promise.js';
import { RefreshingValue } from '../util/refreshing-value.js';
import type { PasswordEncryptType } from '../wire/facts.js';
import { parseSystemKeys } from '../wire/parse.js';

/** Number of bytes that PKCS#1 v1.5 padding needs in an RSA block (RFC 8017 §7.2.1). */
const RSA_PADDING_BYTES = 11;
/**
 * Minimum size of GenAuth's RSA key, in bits. GenAuth's RSA keys have 1024 bits. A smaller key is refused, because it
 * is too weak.
 */
const MIN_RSA_BITS = 1024;
/**
 * How long a fetched public key is used, in milliseconds. GenAuth does not document the lifetime of its keys. If
 * GenAuth replaces a key within this time, GenAuth answers the next sign-in with `apiCode` 2016: GenAuth could not
 * decrypt the password.
 */
const MAX_AGE_MS = 10 * 60_000;

type EncryptedBy = 'rsa' | 'sm2';

/** GenAuth's public keys from one fetch, as strings that are not checked yet. */
type SystemKeys = Partial<Record<EncryptedBy, string>>;

type Encrypt = (password: string) => string;

/** One of GenAuth's public keys for passwords, imported and checked. */
export interface PasswordKey {
  /**
   * Encrypts a password.
   *
   * @returns With an RSA key: the PKCS#1 v1.5 ciphertext in base64. With an SM2 key: the C1C3C2 ciphertext in hex,
   * without the leading `04`.
   * @throws RequestError if the password is too long for the key. `details.limit` is the maximum length in bytes.
   */
  readonly encrypt: Encrypt;
  /** The result of the fetch that returned the key. */
  readonly source: SystemKeys;
}

export interface PasswordEncryptionSettings {
  /** The encryption whose library is loaded at once. Default: a library is loaded on first use. */
  type?: PasswordEncryptType | undefined;
  /** Sends `GET /api/v3/system` and returns the parsed body. */
  requestSystem: () => Promise<unknown>;
  /** Returns the current time, in milliseconds since 1970. */
  now: () => number;
}

/**
 * Encrypts passwords with GenAuth's public keys, which are cached for ten minutes. If a public key is missing or wrong,
 * the login fails. The password is not sent unencrypted in this case.
 */
export class PasswordEncryption {
  readonly #requestSystem: () => Promise<unknown>;
  readonly #system: RefreshingValue<SystemKeys>;
  /** The last imported key of each type. Importing an SM2 key takes 40 ms or more, so an unchanged key is reused. */
  readonly #importedKeys = new Map<EncryptedBy, { text: string; encrypt: Promise<Encrypt> }>();

  constructor({ type, requestSystem, now }: PasswordEncryptionSettings) {
    if (type === 'sm2') preload(loadSm2);
    this.#requestSystem = requestSystem;
    // `pause` is 0, so that the next login after a failed fetch fetches the keys again at once.
    this.#system = new RefreshingValue({ maxAge: MAX_AGE_MS, staleIfError: 0, pause: 0, now });
  }

  /**
   * Returns GenAuth's public key from the cache or from GenAuth. The first use of SM2 takes 50 to 200 ms of processor
   * time.
   *
   * @throws UpstreamError if GenAuth cannot be reached, or if GenAuth has no usable public key of this type.
   */
  async getKey(type: EncryptedBy): Promise<PasswordKey> {
    const source = await this.#system.get(async () => parseSystemKeys(await this.#requestSystem()));
    try {
      return { encrypt: await this.#importKey(type, source[type]), source };
    } catch (error) {
      this.#system.expire(source);
      throw error;
    }
  }

  /**
   * Removes the key from the cache, so that the next login fetches GenAuth's public keys again. Does nothing if the
   * cache already has newer keys. Call this method if GenAuth could not decrypt a password.
   */
  forget(key: PasswordKey): void {
    this.#system.expire(key.source);
  }

  #importKey(type: EncryptedBy, text: string | undefined): Promise<Encrypt> {
    if (text === undefined) throw unusable(type, 'is missing');
    const known = this.#importedKeys.get(type);
    if (known?.text === text) return known.encrypt;
    const encrypt = type === 'rsa' ? Promise.resolve(importRsaKey(text)) : importSm2Key(text);
    this.#importedKeys.set(type, { text, encrypt });
    // A failed import is not cached, because the next login may load the SM2 library.
    encrypt.catch(() => this.#importedKeys.delete(type));
    return encrypt;
  }
}

function unusable(type: EncryptedBy, problem: string): UpstreamError {
  return new UpstreamError(
    'upstream_invalid_response',
    `GenAuth's ${type} key for passwords ${problem}, so no user can sign in with passwordEncryptType '${type}': ` +
      "ask GenAuth's support, or write passwordEncryptType: 'none'.",
  );
}

/**
 * Imports an RSA public key as SubjectPublicKeyInfo or PKCS#1, each in PEM or in base64 without PEM lines. GenAuth's
 * answers can have all four forms.
 */
function importRsaKey(text: string): Encrypt {
  const key = parseRsaKey(text);
  const { modulusLength: bits = 0, publicExponent = 0n } = key?.asymmetricKeyDetails ?? {};
  // With the public exponent 1 the ciphertext would be the padded password itself.
  const encrypts = publicExponent >= 3n && publicExponent % 2n === 1n;
  if (key?.asymmetricKeyType !== 'rsa' || bits < MIN_RSA_BITS || !encrypts) {
    throw unusable('rsa', 'is not an RSA key of 1024 bits or more');
  }
  const maxBytes = Math.ceil(bits / 8) - RSA_PADDING_BYTES;
  return (password) => {
    const bytes = Buffer.from(password, 'utf8');
    if (bytes.length > maxBytes) {
      throw new RequestError(`The password has ${bytes.length} bytes: send at most ${maxBytes} bytes.`, {
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
      // The key does not have this form. The loop tries the next form.
    }
  }
  return undefined;
}

/**
 * Imports an SM2 key: an uncompressed point on the curve in hex, with or without the leading `04`.
 *
 * `sm-crypto-v2` with a precomputed key needs less than a millisecond of processor time for each password, `sm-crypto`
 * needs 20 ms.
 */
async function importSm2Key(text: string): Promise<Encrypt> {
  if (!/^(?:04)?[0-9a-f]{128}$/i.test(text)) throw unusable('sm2', 'is not a curve point in hex');
  const {
    default: { sm2 },
  } = await loadSm2();
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
      // If the key stream is all zeros, the ciphertext ends with the password itself. For a password of one byte, this
      // happens once in 256 encryptions. The standard requires a new encryption (GM/T 0003.4 §6.1).
      if (!ciphertext.endsWith(bytes.toString('hex'))) return ciphertext;
    }
  };
}

/** Loads the SM2 library, which most tenants do not use. */
const loadSm2 = () => import('sm-crypto-v2');

/** The value of `sm-crypto-v2` for the order C1 C3 C2 of the parts of a ciphertext (GM/T 0009-2012). */
const C1C3C2 = 1;
