import { KeyObject, randomUUID, sign } from 'node:crypto';
import type { ResolvedOptions } from '../core/options/types.js';
import { SCOPES_SUPPORTED } from '../emulator/users/claims.js';
import type { SigningKey } from '../emulator/tokens/signing-keys.js';
import { hashPassword } from '../emulator/users/passwords.js';
import type { EmulatorState } from '../emulator/state/state.js';
import { type Bearer, type TestClaims, readBearer, readScopes } from './token-claims.js';

/** What tokens depend on in the application that they are for. */
export type TokenOptions = Pick<ResolvedOptions, 'audience' | 'scope'>;

const HOUR = 3600;
/** Nobody signs in as those whom tokens are minted for. */
const NO_PASSWORD = hashPassword(randomUUID());

interface Changes {
  aud?: string;
  lifetime?: readonly [from: number, to: number];
  key?: SigningKey;
}

/**
 * Makes access tokens, valid ones and wrong ones. A wrong token is wrong in one thing.
 */
export class TokenMint {
  readonly #state: EmulatorState;
  readonly #stranger: SigningKey;
  readonly #getOptions: () => TokenOptions;

  /** @param stranger - A key that no key set has. */
  constructor(state: EmulatorState, stranger: SigningKey, getOptions: () => TokenOptions) {
    this.#state = state;
    this.#stranger = stranger;
    this.#getOptions = getOptions;
  }

  /** A right token. GenAuth's user info, introspection and revocation know it. */
  readonly valid = (claims: TestClaims = {}): string => this.#issue(this.#read(claims));

  /** It expired an hour ago. */
  readonly expired = (claims: TestClaims = {}): string =>
    this.#build(this.#read(claims), { lifetime: [-2 * HOUR, -HOUR] });

  /** It is for another application. */
  readonly wrongAudience = (claims: TestClaims = {}): string => this.#build(this.#read(claims), { aud: 'another-app' });

  /** It looks right, and names the right key, but somebody else signed it. */
  readonly forged = (claims: TestClaims = {}): string => {
    const { kid } = this.#state.keys.current;
    return this.#build(this.#read(claims), { key: { ...this.#stranger, kid } });
  };

  /** A right token of somebody of another tenant than `claims.tenant_id`. */
  readonly wrongTenant = (claims: TestClaims = {}): string =>
    this.#issue(this.#read({ ...claims, tenant_id: `not-${claims.tenant_id ?? 'yours'}` }));

  /** A right token that lacks the scopes in `claims.scope`; without those it has `openid` and nothing else. */
  readonly withoutScope = ({ scope, ...claims }: TestClaims = {}): string => {
    // The person stays who they are: what the token does not tell of them is no mistake of the test.
    const bearer = readBearer(claims, SCOPES_SUPPORTED);
    const missing = readScopes(scope);
    const scopes = this.#getOptions().scope.filter((name) =>
      missing === undefined ? name === 'openid' : !missing.includes(name),
    );
    return this.#issue({ ...bearer, scopes });
  };

  #read(claims: TestClaims): Bearer {
    return readBearer(claims, this.#getOptions().scope);
  }

  #issue(bearer: Bearer): string {
    const { sub, claims, scopes, tenantId } = bearer;
    const { tokenLifetime } = this.#state.config;
    const token = this.#build(bearer);
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

  #build({ sub, scopes, tenantId }: Bearer, { aud, lifetime, key = this.#state.keys.current }: Changes = {}): string {
    const { audience } = this.#getOptions();
    const [from, to] = lifetime ?? [0, this.#state.config.tokenLifetime];
    const now = nowInSeconds();
    const times = { iat: now + from, exp: now + to, iss: this.#state.issuer };
    const tenant = scopes.includes('tenant_id') && { tenant_id: tenantId };
    const scope = scopes.join(' ');
    return signToken({ sub, aud: aud ?? audience[0], ...times, scope, jti: randomUUID(), ...tenant }, key);
  }
}

/** RS256 (RFC 7518 §3.3). Not by jose, which is never done at once: so a token can be written where a test needs one. */
function signToken(claims: object, { kid, privateKey }: SigningKey): string {
  const input = [{ alg: 'RS256', kid, typ: 'JWT' }, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `${input}.${sign('sha256', Buffer.from(input), KeyObject.from(privateKey)).toString('base64url')}`;
}

/** As a JWT counts (RFC 7519 §2). */
function nowInSeconds(): number {
  return Math.floor(Date.now() / 1000);
}
