import { GenAuthClient } from '../core/client.js';
import { ConfigurationError, type TokenVerificationError, UpstreamError } from '../core/errors.js';
import type { Http } from '../core/http/http.js';
import { redactText } from '../core/http/redact.js';
import { AppSecret } from '../core/oidc/app-secret.js';
import type { GenAuthOptions, ResolvedOptions } from '../core/options/types.js';
import type { Credentials } from '../core/sign-in/credentials.js';
import type { SignInSuccess } from '../core/sign-in/outcome.js';
import { quote } from '../core/util/quote.js';
import { Documents } from './documents.js';
import { type Environment, type Source, type VariableOption, toLine } from './environment.js';

/** Characters. Values in the `details` of errors are cut at this length, so a longer one is not complete. */
const MAX_LITERAL_LENGTH = 511;

export interface ContextSettings {
  given: GenAuthOptions;
  options: ResolvedOptions;
  source: Source;
  env: Environment;
  /** Credentials of the sign-ins; each is used once. */
  signIns: readonly Credentials[];
  clientIp: string | undefined;
  signal: AbortSignal | undefined;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** What GenAuth's first answer shows beside its body. */
export interface Probe {
  /** HTTP status. */
  status: number;
  /** Header `Date`. */
  date: string | undefined;
  /** Header `Location`. */
  location: string | undefined;
  /** Milliseconds since 1970, by the clock of this machine. */
  sentAt: number;
  receivedAt: number;
  /** When the certificate of the server expires; `undefined` without TLS. */
  certificateEnds: Date | undefined;
}

/** What the checks share: the options, the connections to GenAuth, and what earlier checks have learned. */
export class Context {
  readonly settings: ContextSettings;
  readonly options: ResolvedOptions;
  /** Public documents that were received. */
  readonly documents = new Documents();
  /** Connection to the application's host. */
  readonly http: Http;
  readonly client: GenAuthClient<string>;
  readonly appSecret: AppSecret;
  /** Set by the check `connection`. */
  probe: Probe | undefined;
  /** The discovery document. Set by the check `discovery` if the document can be used. */
  discovery: Readonly<Record<string, unknown>> | undefined;
  /** The first successful sign-in, and when it began. */
  signedIn: (SignInSuccess & { at: number }) | undefined;
  /** The reason why the tokens of a sign-in were refused. */
  tokenFault: TokenVerificationError | undefined;
  readonly #secrets: (string | undefined)[];

  constructor(settings: ContextSettings) {
    const { given, options, signIns, now } = settings;
    const { appSecret, appHost, proxy } = options;
    this.settings = settings;
    this.options = options;
    this.http = this.createHttp(appHost);
    this.client = new GenAuthClient(given, { now, createHttp: (each) => this.documents.createHttp(each) });
    this.appSecret = new AppSecret(appSecret, now);
    this.#secrets = signIns.map(({ password }) => password);
    if (typeof appSecret === 'string') this.hide(appSecret);
    if (proxy !== undefined) this.hide(proxy, decodeURIComponent(new URL(proxy).password));
  }

  /** Creates a connection of its own for a reader of public documents; see {@link Documents}. */
  createHttp(origin: string): Http {
    const { timeout, ca, proxy } = this.options;
    return this.documents.createHttp({ origin, timeout, ca, proxy });
  }

  /** The line that sets an option, in the environment or in code. */
  line(option: VariableOption, value: string): string {
    return toLine(this.settings.source, option, value);
  }

  /** Keeps these texts out of the report, in case GenAuth sends them back. */
  hide(...secrets: readonly (string | undefined)[]): void {
    this.#secrets.push(...secrets);
  }

  /** A foreign value as one safe piece of a sentence, cut if it is long. */
  quote(value: unknown): string {
    return quote(typeof value === 'string' ? this.#redact(value) : value);
  }

  /**
   * A foreign value exactly as it is, for a line that a person copies into code or a shell.
   *
   * @param placeholder - Returned for a value that is not complete or has other characters than an address has.
   */
  literal(value: unknown, placeholder: string): string {
    if (typeof value !== 'string' || value.length > MAX_LITERAL_LENGTH) return placeholder;
    const text = this.#redact(value);
    return /^[\w.~:/?@%=+,[\]-]+$/.test(text) ? text : placeholder;
  }

  /**
   * Describes an error of the library. If GenAuth answered, the description has the codes of the answer only, because
   * the text of the answer may repeat what was sent.
   */
  describe(error: Error): string {
    const answer = error instanceof ConfigurationError || error instanceof UpstreamError ? error.answer : undefined;
    if (answer === undefined) return this.#redact(error.message);
    const { statusCode, apiCode, requestId } = answer;
    return `GenAuth answered ${statusCode}/${apiCode ?? '-'}, request ${this.quote(requestId ?? '-')}.`;
  }

  #redact(text: string): string {
    return redactText(text, this.#secrets);
  }

  close(): void {
    this.documents.close();
    this.client.close();
  }
}
