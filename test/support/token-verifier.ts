import { TokenVerificationError } from '../../src/core/errors.js';
import { AppSecret } from '../../src/core/oidc/app-secret.js';
import type { AccessTokenClaims, IdTokenClaims } from '../../src/core/tokens/claims.js';
import type { Jwks } from '../../src/core/tokens/jwks.js';
import { TokenVerifier, type TokenVerifierSettings } from '../../src/core/tokens/token-verifier.js';
import { APP_ID, type Issuer } from './issuer.js';
import { type KeySets, useKeySets } from './key-set.js';
import { findLeaks } from './leak.js';
import { catchError } from './promise.js';

/** A verifier whose results and errors are always in a promise. */
export class PromisingVerifier extends TokenVerifier {
  override async verifyAccessToken(token: string): Promise<AccessTokenClaims> {
    return super.verifyAccessToken(token);
  }

  override async verifyIdToken(token: string, accessToken?: string): Promise<IdTokenClaims> {
    return super.verifyIdToken(token, accessToken);
  }

  override async verifyReceivedAccessToken(token: string): Promise<AccessTokenClaims> {
    return super.verifyReceivedAccessToken(token);
  }
}

/** Verifiers that load the key set of an issuer over HTTP, with a clock of the test. */
export class VerifierBench {
  readonly sets: KeySets;
  readonly #issuer: () => Issuer;
  #jwks: Jwks | undefined;
  #caching: PromisingVerifier | undefined;

  constructor(issuer: () => Issuer) {
    this.#issuer = issuer;
    this.sets = useKeySets(issuer);
    afterEach(() => {
      this.#jwks = this.#caching = undefined;
    });
  }

  /** Creates a verifier without a cache of verified tokens. All verifiers of a test share one cached key set. */
  verifier(settings: Partial<TokenVerifierSettings> = {}): PromisingVerifier {
    this.#jwks ??= this.sets.open();
    return new PromisingVerifier({
      issuer: [this.#issuer().issuer],
      appId: APP_ID,
      audience: [APP_ID],
      clockTolerance: 5,
      idTokenAlgorithm: 'RS256',
      jwks: this.#jwks,
      maxVerifiedTokens: 0,
      appSecret: new AppSecret(this.#issuer().clientOptions.appSecret),
      now: () => this.sets.now,
      ...settings,
    });
  }

  /**
   * Verifies an access token. A verifier with a cache, which all tokens of a test share, must decide the same for the
   * first and the second use of the token.
   */
  async verify(token: string): Promise<AccessTokenClaims> {
    this.#caching ??= this.verifier({ maxVerifiedTokens: 100 });
    const verifying = this.verifier().verifyAccessToken(token);
    const decision = await describeDecision(verifying);
    expect(await describeDecision(this.#caching.verifyAccessToken(token))).toEqual(decision);
    expect(await describeDecision(this.#caching.verifyAccessToken(token))).toEqual(decision);
    return verifying;
  }

  /** Returns the code of the error and the claim in its details. The message must not quote the token. */
  async refuse(token: string): Promise<string> {
    const error = await catchError(this.verify(token));
    if (!(error instanceof TokenVerificationError)) throw error;
    const segments = token.split('.').filter((segment) => segment.length > 20);
    expect(findLeaks(error, segments)).toEqual([]);
    expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    return [error.code, error.details.claim].filter(Boolean).join(' ');
  }
}

/** Returns the claims, or the error without its stack. */
function describeDecision(verifying: Promise<AccessTokenClaims>): Promise<unknown> {
  return verifying.then(
    (claims) => structuredClone(claims),
    ({ name, code, message }: Error & { code?: string }) => ({ name, code, message }),
  );
}
