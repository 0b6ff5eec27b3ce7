import { type KeyObject, constants, createPublicKey, publicEncrypt } from 'node:crypto';
import { isWithin } from '../util/clock.js';
import { RequestError, UpstreamError } from '../errors.js';
import { parseSystemKeys } from '../wire/parse.js';

/** PKCS#1 v1.5 padding takes this much of the key (RFC 8017 §7.2.1). */
const RSA_PADDING_BYTES = 11;
/** GenAuth's keys have 1024 bits; anything below is no key any more. */
const MIN_RSA_BITS = 1024;
/** GenAuth says nothing of how long its keys live; that one has changed is noticed by apiCode 2016. */
const MAX_AGE_MS = 10 * 60_000;

type EncryptedBy = 'rsa' | 'sm2';

/** One of GenAuth's public keys, ready for use. */
export interface PasswordKey {
  /**
   * @returns With RSA base64 of PKCS#1 v1.5, with SM2 hex of C1C3C2 without the leading `04`.
   * @throws RequestError where the password is too long for the key.
   */
  encrypt: (password: string) => string;
}

export interface PasswordEncryptionSettings {
  /** `GET /api/v3/system`: the parsed body. */
  requestSystem: () => Promise<unknown>;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** What one fetch brought; keys are prepared when they are first asked for. */
interface KeySet {
  readonly fetchedAt: number;
  readonly texts: Promise<Partial<Record<EncryptedBy, string>>>;
  readonly keys: Map<EncryptedBy, Promise<PasswordKey>>;
}

/**
 * GenAuth's public keys for passwords, fetched once and kept for ten minutes. A key that is missing or wrong refuses the
 * login: a password is never sent in the clear instead.
 */
export class PasswordEncryption {
  readonly #settings: PasswordEncryptionSettings;
  #keySet: KeySet | undefined;
  readonly #prepared = new Map<EncryptedBy, { text: string; encrypt: PasswordKey['encrypt'] }>();

  constructor(settings: PasswordEncryptionSettings) {
    this.#settings = settings;
  }

  /**
   * The key, from the cache or from GenAuth. The first time SM2 is used this takes 50 to 200 ms of processor time.
   *
   * @throws UpstreamError where GenAuth cannot be asked, or has no such key that can be used.
   */
  getKey(type: EncryptedBy): Promise<PasswordKey> {
    const keySet = this.#getKeySet();
    const known = keySet.keys.get(type);
    if (known !== undefined) return known;
    const key = keySet.texts.then((texts) => this.#prepare(type, texts[type]));
    keySet.keys.set(type, key);
    // A failure is not kept: the next login asks again.
    key.catch(() => this.#drop(keySet));
    return key;
  }

  /** GenAuth could not decrypt: the next password is encrypted with new keys, unless somebody else has fetched them by now. */
  async forget(key: PasswordKey): Promise<void> {
    const keySet = this.#keySet;
    if (keySet === undefined) return;
    const keys = await Promise.allSettled(keySet.keys.values());
    if (keys.some((each) => each.status === 'fulfilled' && each.value === key)) this.#drop(keySet);
  }

  /** To prepare an SM2 key takes 40 ms and more, so one that has not changed is not prepared again. */
  async #prepare(type: EncryptedBy, text: string | undefined): Promise<PasswordKey> {
    if (text === undefined) throw unusable(type, 'is missing');
    const known = this.#prepared.get(type);
    const encrypt = known?.text === text ? known.encrypt : await (type === 'rsa' ? importRsaKey : importSm2Key)(text);
    this.#prepared.set(type, { text, encrypt });
    // An object of its own for each fetch: `forget` tells them apart.
    return { encrypt };
  }

  #drop(keySet: KeySet): void {
    if (this.#keySet === keySet) this.#keySet = undefined;
  }

  #getKeySet(): KeySet {
    const now = this.#settings.now();
    const known = this.#keySet;
    if (known !== undefined && isWithin(MAX_AGE_MS, known.fetchedAt, now)) return known;
    const keySet: KeySet = {
      fetchedAt: now,
      texts: this.#settings.requestSystem().then(parseSystemKeys),
      keys: new Map(),
    };
    this.#keySet = keySet;
    return keySet;
  }
}

function unusable(type: EncryptedBy, problem: string): UpstreamError {
  return new UpstreamError(
    'upstream_invalid_response',
    `GenAuth's ${type} key for passwords ${problem}, so nobody can sign in with passwordEncryptType '${type}': ask GenAuth, or set it to 'none'.`,
  );
}

/** PEM, or the same in bare base64: both occur (SubjectPublicKeyInfo or PKCS#1). */
function importRsaKey(text: string): PasswordKey['encrypt'] {
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
      throw new RequestError(`The password has ${bytes.length} bytes, and at most ${maxBytes} can be encrypted.`);
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
async function importSm2Key(text: string): Promise<PasswordKey['encrypt']> {
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
