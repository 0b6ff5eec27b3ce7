import { KeyObject, randomUUID, sign } from 'node:crypto';
import type { ResolvedOptions } from '../core/options/types.js';
import { SCOPES_SUPPORTED } from '../emulator/users/claims.js';
import type { SigningKey } from '../emulator/tokens/signing-keys.js';
import { hashPassword } from '../emulator/users/passwords.js';
import type { EmulatorState } from '../emulator/state/state.js';
import { type TestClaims, type TokenSubject, readScopes, readTokenSubject } from './token-claims.js';

/** The options of the application on which its tokens depend. */
export type TokenOptions = Pick<ResolvedOptions, 'audience' | 'scope'>;

const HOUR = 3600;
/** The password hash of the users of test tokens. The password is random, because these users never sign in. */
const NO_PASSWORD = hashPassword(randomUUID());

/** The differences between an invalid token and a valid token. */
interface Changes {
  aud?: string;
  /** `iat` and `exp` in seconds relative to the current time. */
  lifetime?: readonly [from: number, to: number];
  key?: SigningKey;
}

/**
 * Creates valid and invalid access tokens. An invalid token is wrong in exactly one property. All methods are
 * synchronous and return the access token as a string.
 *
 * All methods can throw an `EmulatorError`. The code is `not_started` if no application is connected to the test kit,
 * and `invalid_input` if a claim is wrong or if the scopes of the token do not include the claim.
 */
export class TokenMint {
  readonly #state: EmulatorState;
  readonly #foreignKey: SigningKey;
  readonly #getOptions: () => TokenOptions;

  /**
   * @param state The state of the emulated GenAuth.
   * @param foreignKey A key that is not in the key set.
   * @param getOptions Returns the options of the connected application. Throws if no application is connected.
   */
  constructor(state: EmulatorState, foreignKey: SigningKey, getOptions: () => TokenOptions) {
    this.#state = state;
    this.#foreignKey = foreignKey;
    this.#getOptions = getOptions;
  }

  /**
   * Returns a valid access token. The endpoints of the emulated GenAuth for user info, introspection and revocation
   * accept it.
   */
  readonly valid = (claims: TestClaims = {}): string => this.#issue(this.#read(claims));

  /** Returns an access token that expired one hour ago. */
  readonly expired = (claims: TestClaims = {}): string =>
    this.#build(this.#read(claims), { lifetime: [-2 * HOUR, -HOUR] });

  /** Returns an access token with the audience of another application. */
  readonly wrongAudience = (claims: TestClaims = {}): string => this.#build(this.#read(claims), { aud: 'another-app' });

  /**
   * Returns an access token with a wrong signature: the `kid` is in the key set, but the token was signed with another
   * key.
   */
  readonly forged = (claims: TestClaims = {}): string => {
    const { kid } = this.#state.keys.current;
    return this.#build(this.#read(claims), { key: { ...this.#foreignKey, kid } });
  };

  /** Returns a valid access token of a user whose tenant is not `claims.tenant_id`. */
  readonly wrongTenant = (claims: TestClaims = {}): string =>
    this.#issue(this.#read({ ...claims, tenant_id: `not-${claims.tenant_id ?? 'yours'}` }));

  /**
   * Returns a valid access token that has all scopes in the application's options except the scopes in `claims.scope`.
   * If `claims.scope` is absent, the access token has only the scope `openid`.
   */
  readonly withoutScope = ({ scope, ...claims }: TestClaims = {}): string => {
    // The claims are checked against all scopes of GenAuth, because this access token may lack the scopes of the user's
    // claims.
    const subject = readTokenSubject(claims, SCOPES_SUPPORTED);
    const missing = readScopes(scope);
    const scopes = this.#getOptions().scope.filter((name) =>
      missing === undefined ? name === 'openid' : !missing.includes(name),
    );
    return this.#issue({ ...subject, scopes });
  };

  #read(claims: TestClaims): TokenSubject {
    return readTokenSubject(claims, this.#getOptions().scope);
  }

  /**
   * Builds a valid access token and stores it, so that the endpoints for user info, introspection and revocation accept
   * it.
   */
  #issue(subject: TokenSubject): string {
    const { sub, claims, scopes, tenantId } = subject;
    const { tokenLifetime } = this.#state.config;
    const token = this.#build(subject);
    const account = { sub, claims, password: NO_PASSWORD, removed: false };
    const iat = nowInSeconds();
    this.#state.tokens.add(token, {
      kind: 'access_token',
      grant: { account, scopes, tenantId, revoked: false },
      scopes,
      iat,
      exp: iat + tokenLifetime,
      jti: randomUUID(),
    });
    return token;
  }

  #build(
    { sub, scopes, tenantId }: TokenSubject,
    { aud, lifetime, key = this.#state.keys.current }: Changes = {},
  ): string {
    const { audience } = this.#getOptions();
    const [from, to] = lifetime ?? [0, this.#state.config.tokenLifetime];
    const now = nowInSeconds();
    const times = { iat: now + from, exp: now + to, iss: this.#state.issuer };
    const tenant = scopes.includes('tenant_id') && { tenant_id: tenantId };
    const scope = scopes.join(' ');
    return signToken({ sub, aud: aud ?? audience[0], ...times, scope, jti: randomUUID(), ...tenant }, key);
  }
}

/**
 * Signs a token with RS256 (RFC 7518 §3.3). The function does not use the package jose, because signing with jose is
 * asynchronous. A synchronous function can be called inside an expression of a test.
 */
function signToken(claims: object, { kid, privateKey }: SigningKey): string {
  const input = [{ alg: 'RS256', kid, typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${input}.${sign('sha256', Buffer.from(input), KeyObject.from(privateKey)).toString('base64url')}`;
}

/** Returns the current time as a JWT NumericDate: whole seconds since 1970 (RFC 7519 §2). */
function nowInSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
