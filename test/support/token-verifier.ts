import { AppSecret } from '../../src/core/oidc/app-secret.js';
import { TokenVerificationError } from '../../src/core/errors.js';
import type { Jwks } from '../../src/core/tokens/jwks.js';
import type { TokenClaims } from '../../src/core/tokens/claims.js';
import { TokenVerifier, type TokenVerifierSettings } from '../../src/core/tokens/token-verifier.js';
import { APP_ID, type Issuer } from './issuer.js';
import { type KeySets, useKeySets } from './key-set.js';
import { findLeaks } from './leak.js';
import { catchError } from './promise.js';
import type { RsaKey } from './rsa-key.js';
import { type SigningKey, buildToken } from './token.js';

export const KINDS = ['id_token', 'access_token'] as const;
export type Kind = (typeof KINDS)[number];

/** What a right token of one kind is made of, and a way to make wrong ones. */
interface Material {
  kind: Kind;
  issuer: Issuer;
  key: RsaKey;
  header: Record<string, unknown>;
  payload: Record<string, unknown>;
  /** Seconds since 1970, by the verifier's clock. */
  seconds: number;
  /** A token with this header in place of the right one, signed as told or with the right key. */
  forge: (header?: object | string, payload?: object | string, key?: SigningKey, algorithm?: string) => string;
}

/**
 * A verifier that loads the key set of an issuer by HTTP, with a clock of the test and a count of its requests. A
 * second verifier with a cache of verified tokens must decide the same, for the first and the second use of a token.
 */
export class VerifierBench {
  readonly sets: KeySets;
  readonly #issuer: () => Issuer;
  #jwks: Jwks | undefined;
  #lookups = 0;
  /** With a memory, over the same keys; by their settings, so that all tokens of a test meet the same ones. */
  readonly #remembering = new Map<string, TokenVerifier>();

  constructor(issuer: () => Issuer) {
    this.#issuer = issuer;
    this.sets = useKeySets(issuer);
    afterEach(() => {
      this.#jwks = undefined;
      this.#lookups = 0;
      this.#remembering.clear();
    });
  }

  /** One key cache for each test. */
  verifier(settings: Partial<TokenVerifierSettings> = {}): TokenVerifier {
    this.#jwks ??= this.sets.open();
    const jwks = this.#jwks;
    const getKey: Jwks['getKey'] = (...parts) => {
      this.#lookups += 1;
      return jwks.getKey(...parts);
    };
    // Where there is no fresh key, getKey is asked next.
    const getFreshKey: Jwks['getFreshKey'] = (...parts) => {
      const key = jwks.getFreshKey(...parts);
      if (key !== undefined) this.#lookups += 1;
      return key;
    };
    return new TokenVerifier({
      issuer: this.#issuer().issuer,
      appId: APP_ID,
      audience: [APP_ID],
      clockTolerance: 5,
      idTokenAlgorithm: 'RS256',
      jwks: { getKey, getFreshKey } as Jwks,
      maxVerifiedTokens: 0,
      appSecret: new AppSecret(this.#issuer().clientOptions.appSecret),
      now: () => this.sets.now,
      ...settings,
    });
  }

  /** How often a key was looked up. */
  get lookups(): number {
    return this.#lookups;
  }

  material(kind: Kind): Material {
    const issuer = this.#issuer();
    const { key } = issuer;
    const header = { alg: 'RS256', typ: 'JWT', kid: key.kid };
    const payload =
      kind === 'id_token' ? issuer.idTokenClaims({}, this.sets.now) : issuer.accessTokenClaims({}, this.sets.now);
    return {
      kind,
      issuer,
      key,
      header,
      payload,
      seconds: this.sets.now / 1000,
      forge: (head = header, body = payload, signingKey = key.privateKey, algorithm = 'RS256') =>
        buildToken(head, body, signingKey, algorithm),
    };
  }

  async verify(kind: Kind, token: unknown, settings: Partial<TokenVerifierSettings> = {}): Promise<TokenClaims> {
    const run = (verifier: TokenVerifier): Promise<TokenClaims> =>
      kind === 'id_token' ? verifier.verifyIdToken(token as string) : verifier.verifyAccessToken(token as string);
    const verifying = run(this.verifier(settings));
    const decision = await describeDecision(verifying);
    const remembering = this.#getRemembering(settings);
    expect(await describeDecision(run(remembering))).toEqual(decision);
    expect(await describeDecision(run(remembering))).toEqual(decision);
    return verifying;
  }

  #getRemembering(settings: Partial<TokenVerifierSettings>): TokenVerifier {
    const name = JSON.stringify(settings);
    const known = this.#remembering.get(name);
    if (known !== undefined) return known;
    // The same keys, but for the count of look-ups.
    const verifier = this.verifier({ ...(this.#jwks && { jwks: this.#jwks }), ...settings, maxVerifiedTokens: 100 });
    this.#remembering.set(name, verifier);
    return verifier;
  }

  /** Returns the code of the refusal. Throws if the error has another class, or if its message quotes the token. */
  async refuse(kind: Kind, token: unknown, settings?: Partial<TokenVerifierSettings>): Promise<string> {
    const error = await catchError(this.verify(kind, token, settings));
    if (!(error instanceof TokenVerificationError)) throw error;
    const segments = typeof token === 'string' ? token.split('.').filter((segment) => segment.length > 20) : [];
    expect(findLeaks(error, segments)).toEqual([]);
    expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(error.statusCode).toBe(401);
    return error.code;
  }
}

/** What was decided: the claims, or the error but for its stack. */
export async function describeDecision(verifying: Promise<TokenClaims>): Promise<unknown> {
  return verifying.then(
    (claims) => ({ claims: structuredClone(claims) }),
    ({ name, code, message }: Error & { code?: string }) => ({ name, code, message }),
  );
}
