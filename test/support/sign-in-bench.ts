import type { GenAuthOptions } from '../../src/core/options/types.js';
import type { Credentials } from '../../src/core/sign-in/credentials.js';
import type { SignInOptions } from '../../src/core/sign-in/sign-in-options.js';
import { type OpenClient, lastSignIn, useClients } from './client.js';
import { type Issuer, SIGN_IN_PATH, useIssuer } from './issuer.js';

export const ALICE = { account: 'alice', password: 'passw0rd' };
/** The time of every client here; tokens are right by it. */
export const NOW = 1_760_000_000_000;

/** What comes of a sign-in, be it an outcome or an error, with the parts that tests look at. */
export interface SignInResult {
  kind?: string;
  code?: string;
  cause?: { code?: string };
  requestId?: string;
  user?: Record<string, unknown>;
  tokens?: { expiresAt: Date; scope: readonly string[]; refreshToken: string | undefined };
}

type SignInParts = [options?: Partial<GenAuthOptions>, own?: SignInOptions, credentials?: Credentials];

/** One issuer, and sign-ins by a client of its own each, at one point of time. */
export class SignInBench {
  readonly issuer: () => Issuer;
  readonly #open: OpenClient;

  constructor() {
    this.issuer = useIssuer();
    this.#open = useClients(this.issuer);
  }

  open(options: Partial<GenAuthOptions> = {}): ReturnType<OpenClient> {
    return this.#open(options, { now: () => NOW });
  }

  /** One sign-in: its outcome, or what it threw. */
  signIn(...[options, own, credentials = ALICE]: SignInParts): Promise<SignInResult> {
    const signingIn = this.open(options).signIn(credentials, own);
    return signingIn.catch((error: Error) => error as object) as Promise<SignInResult>;
  }

  async expectSuccess(...parts: SignInParts): Promise<SignInResult> {
    const result = await this.signIn(...parts);
    expect(result).toMatchObject({ kind: 'success' });
    return result;
  }

  /** A sign-in that GenAuth answers with a token which is refused. */
  async expectTokenCode(code: string, ...parts: SignInParts): Promise<void> {
    expect(await this.signIn(...parts)).toMatchObject({ code: 'upstream_token_invalid', cause: { code } });
  }

  /** A right id_token, but for these claims and members of the header. */
  idToken(claims: object = {}, header: object = {}): string {
    return this.issuer().sign({ ...this.issuer().idTokenClaims({}, NOW), ...claims }, header);
  }

  accessToken(claims: object = {}): string {
    return this.issuer().sign({ ...this.issuer().accessTokenClaims({}, NOW), ...claims });
  }

  /** The next sign-ins succeed, with these data in place of, or beside, right tokens. */
  succeed(data: Record<string, unknown> = {}): void {
    this.issuer().replySignIn({ id_token: this.idToken(), access_token: this.accessToken(), ...data });
  }

  /** The next sign-ins are answered so. */
  refuse(body: object, status = 200): void {
    this.issuer().reply(SIGN_IN_PATH, { status, body });
  }

  /** The body of the last sign-in. */
  sent(): ReturnType<typeof lastSignIn> {
    return lastSignIn(this.issuer());
  }
}
