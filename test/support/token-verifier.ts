import { jest } from '@jest/globals';
import { AppSecret } from '../../src/core/app-secret.js';
import { TokenVerificationError } from '../../src/core/errors.js';
import type { Jwks } from '../../src/core/jwks.js';
import { type TokenClaims, TokenVerifier, type TokenVerifierSettings } from '../../src/core/token-verifier.js';
import { APP_ID, type Issuer } from './issuer.js';
import { type KeySets, useKeySets } from './key-set.js';
import { findLeaks } from './leak.js';
import { catchError } from './promise.js';
import type { RsaKey } from './rsa-key.js';
import { type SigningKey, buildToken } from './token.js';

export const KINDS = ['id_token', 'access_token'] as const;
export type Kind = (typeof KINDS)[number];

/** Rows of a table whose names end with the code that must come back. */
export function titled<Make>(rows: [flaw: string, make: Make, code: string][]): [string, Make, string][] {
  return rows.map(([flaw, make, code]) => [`${flaw}: ${code}`, make, code]);
}

/** What a right token of one kind is made of, and a way to make wrong ones. */
export interface Material {
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

/** A verifier over key sets that come from an issuer by HTTP, with a clock and a count of everything that it asks for. */
export class VerifierBench {
  readonly sets: KeySets;
  readonly #issuer: () => Issuer;
  #jwks: Jwks | undefined;

  constructor(issuer: () => Issuer) {
    this.#issuer = issuer;
    this.sets = useKeySets(issuer);
    afterEach(() => {
      this.#jwks = undefined;
    });
  }

  /** One key cache for each test. */
  verifier(settings: Partial<TokenVerifierSettings> = {}): TokenVerifier {
    if (this.#jwks === undefined) {
      this.#jwks = this.sets.open();
      jest.spyOn(this.#jwks, 'getKey');
    }
    return new TokenVerifier({
      issuer: this.#issuer().issuer,
      appId: APP_ID,
      audience: [APP_ID],
      clockTolerance: 5,
      algorithms: { id_token: 'RS256', access_token: 'RS256' },
      jwks: this.#jwks,
      appSecret: new AppSecret(this.#issuer().clientOptions.appSecret),
      now: () => this.sets.now,
      ...settings,
    });
  }

  /** How often a key was looked up. */
  get lookups(): number {
    return this.#jwks === undefined ? 0 : jest.mocked(this.#jwks).getKey.mock.calls.length;
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

  verify(kind: Kind, token: unknown, settings?: Partial<TokenVerifierSettings>): Promise<TokenClaims> {
    const verifier = this.verifier(settings);
    return kind === 'id_token' ? verifier.verifyIdToken(token as string) : verifier.verifyAccessToken(token as string);
  }

  /** The code that a token is refused with, once it is clear that the error is of the right class and quotes no token. */
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
