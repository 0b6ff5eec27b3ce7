import type { Grant } from '../tokens/issued-tokens.js';
import type { Account } from '../users/accounts.js';
import type { SignInRecord } from './journal.js';

/** The supported values of the parameter `prompt` of an authorization request (OpenID Connect Core 1.0 §3.1.2.1). */
export const PROMPTS = ['none', 'login', 'consent'] as const;

/** The supported values of the parameter `code_challenge_method` (RFC 7636 §4.3). */
export const CODE_CHALLENGE_METHODS = ['S256', 'plain'] as const;

/** The code challenge of an authorization request (RFC 7636 §4.2). */
export interface CodeChallenge {
  readonly method: (typeof CODE_CHALLENGE_METHODS)[number];
  readonly value: string;
}

/** A checked authorization request (RFC 6749 §4.1.1). */
export interface AuthorizationRequest {
  readonly redirectUri: string;
  readonly state: string;
  /** The granted scopes. They contain `openid`. They contain `offline_access` only with `prompt=consent`. */
  readonly scopes: readonly string[];
  readonly prompt: (typeof PROMPTS)[number] | undefined;
  readonly nonce: string | undefined;
  readonly challenge: CodeChallenge | undefined;
  /** The ID of the tenant, or `''` if the request names no tenant. */
  readonly tenantId: string;
  /** The parameter `login_page_context`, or `''`. */
  readonly loginPageContext: string;
}

/** The sign-in of one browser on the hosted page, from the authorization request to the redirect. */
export interface Interaction {
  /** An unguessable UUID. It is part of the addresses of the page. */
  readonly id: string;
  /** The value of the browser's cookie. Requests with another value are refused. */
  readonly browser: string;
  readonly request: AuthorizationRequest;
  /** The user whose password or SSO session was accepted. `undefined` before the sign-in. */
  account?: Account | undefined;
  /** The name that the user typed. */
  name?: string;
  /** The journal record of the successful sign-in. `undefined` if the user has not typed a password. */
  record?: SignInRecord;
  /** Whether the second factor was proved. It is `true` if the user has an SSO session. */
  isFactorProved?: boolean;
  /** Whether the user has allowed the access on the consent page. */
  isConsented?: boolean;
  /** The last code that the emulator sent for the second factor, and its time of expiry in seconds since 1970. */
  sentCode?: { readonly factor: string; readonly code: string; readonly exp: number } | undefined;
}

/** The progress of an {@link Interaction} in which the user has to prove everything again. */
export const NOTHING_PROVED = {
  isFactorProved: false,
  isConsented: false,
  sentCode: undefined,
} as const satisfies Partial<Interaction>;

/** An authorization code that was issued (RFC 6749 §4.1.2), and the parameters to which it is bound. */
export interface AuthorizationCode {
  readonly grant: Grant;
  readonly request: AuthorizationRequest;
  /** Whether the code was exchanged for tokens. */
  isUsed: boolean;
}

/** A code of a second factor that the emulator sent. The emulator delivers no messages. Tests read the code here. */
export interface SentCode {
  /** The name that the user typed on the hosted page. */
  readonly account: string;
  /** The second factor: `SMS` or `EMAIL`. */
  readonly factor: string;
  /** The phone number or the e-mail address of the user. */
  readonly destination: string;
  /** The six digits. */
  readonly code: string;
  /** The time by the emulator's clock in ISO 8601. */
  readonly at: string;
}
