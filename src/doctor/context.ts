import { GenAuthClient } from '../core/client.js';
import { ConfigurationError, type TokenVerificationError, UpstreamError } from '../core/errors.js';
import type { Http } from '../core/http/http.js';
import { redactText } from '../core/http/redact.js';
import { AppSecret } from '../core/oidc/app-secret.js';
import type { GenAuthOptions, ResolvedOptions } from '../core/options/types.js';
import type { Credentials } from '../core/sign-in/credentials.js';
import type { SignInAnswer, SignInSuccess } from '../core/sign-in/outcome.js';
import { quote } from '../core/util/quote.js';
import { Documents } from './documents.js';
import { type Environment, type Source, type VariableOption, toSetting } from './environment.js';

/**
 * Maximum length, in characters, of a value that is copied whole. Errors cut the values in their `details` at 512
 * characters, so a value of 512 characters may be incomplete.
 */
const MAX_LITERAL_LENGTH = 511;

export interface ContextSettings {
  /** The options as the caller or the environment gave them. */
  given: GenAuthOptions;
  /** The same options, checked and with the defaults filled in. */
  options: ResolvedOptions;
  source: Source;
  env: Environment;
  /** Credentials for the sign-ins. The doctor makes one sign-in with each. */
  signIns: readonly Credentials[];
  /** IP address to send as the client's address with the sign-ins. */
  clientIp: string | undefined;
  signal: AbortSignal | undefined;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** Facts about GenAuth's first answer, without its body. */
export interface Probe {
  /** HTTP status. */
  status: number;
  /** Header `Date`. */
  date: string | undefined;
  /** Header `Location`. */
  location: string | undefined;
  /** When the request was sent, in milliseconds since 1970 by the clock of this machine. */
  sentAt: number;
  /** When the headers of the answer arrived, in milliseconds since 1970 by the clock of this machine. */
  receivedAt: number;
  /** When the certificate of the server expires. `undefined` without TLS. */
  certificateEnds: Date | undefined;
}

/** State that the checks share: the options, the connections to GenAuth, and the results of earlier checks. */
export class Context {
  readonly settings: ContextSettings;
  readonly options: ResolvedOptions;
  /** The public documents that GenAuth sent in this run. */
  readonly documents = new Documents();
  /** Connection to the application's host. */
  readonly http: Http;
  readonly client: GenAuthClient<string>;
  readonly appSecret: AppSecret;
  /** Set by the check `connection`. */
  probe: Probe | undefined;
  /** The discovery document. Set by the check `discovery` if the document is usable. */
  discovery: Readonly<Record<string, unknown>> | undefined;
  /** The first successful sign-in, and when it began (`at`, in milliseconds since 1970). */
  signedIn: (SignInSuccess & { at: number }) | undefined;
  /** The reason why the client refused the tokens of a sign-in. */
  tokenFault: TokenVerificationError | undefined;
  readonly #secrets: (string | undefined)[];

  constructor(settings: ContextSettings) {
    const { given, options, signIns, now } = settings;
    const { appSecret, appHost, proxy } = options;
    this.settings = settings;
    this.options = options;
    this.http = this.createHttp(appHost);
    this.client = new GenAuthClient(given, {
      now,
      createHttp: (httpSettings) => this.documents.createHttp(httpSettings),
    });
    this.appSecret = new AppSecret(appSecret, now);
    this.#secrets = signIns.map(({ password }) => password);
    if (typeof appSecret === 'string') this.hide(appSecret);
    if (proxy !== undefined) this.hide(proxy, decodeURIComponent(new URL(proxy).password));
  }

  /** Creates a separate connection for one reader of public documents. {@link Documents} explains why. */
  createHttp(origin: string): Http {
    const { timeout, ca, proxy } = this.options;
    return this.documents.createHttp({ origin, timeout, ca, proxy });
  }

  /** Formats the setting of an option for a fix, for example `GENAUTH_APP_ID=my-app`; see {@link toSetting}. */
  setting(option: VariableOption, value: string): string {
    return toSetting(this.settings.source, option, value);
  }

  /** Keeps secrets out of the report: GenAuth may send them back in an answer. `undefined` values are ignored. */
  hide(...secrets: readonly (string | undefined)[]): void {
    this.#secrets.push(...secrets);
  }

  /** Formats a value from outside for a sentence: escaped, shortened, and without secrets. */
  quote(value: unknown): string {
    return quote(typeof value === 'string' ? this.#redact(value) : value);
  }

  /**
   * Returns a value from outside unchanged, for a line that the operator copies into code or a shell.
   *
   * @param placeholder - Returned instead if the value may be incomplete, or if it has a character that does not occur
   *   in an address. Such a character could end a string in the code, or run a command in the shell.
   */
  literal(value: unknown, placeholder: string): string {
    if (typeof value !== 'string' || value.length > MAX_LITERAL_LENGTH) return placeholder;
    const text = this.#redact(value);
    return /^[\w.~:/?@%=+,[\]-]+$/.test(text) ? text : placeholder;
  }

  /**
   * Describes an error of the library. If GenAuth answered, the description has only the codes of the answer, because
   * the text of the answer may repeat secrets that were sent.
   */
  describe(error: Error): string {
    const answer = error instanceof ConfigurationError || error instanceof UpstreamError ? error.answer : undefined;
    if (answer === undefined) return this.#redact(error.message);
    const requestId = answer.requestId === undefined ? 'no request ID' : `request ID ${this.quote(answer.requestId)}`;
    return `GenAuth answered ${formatCodes(answer)}, ${requestId}.`;
  }

  #redact(text: string): string {
    return redactText(text, this.#secrets);
  }

  close(): void {
    this.documents.close();
    this.client.close();
  }
}

/** Formats GenAuth's codes for a message: `statusCode 403, apiCode 2333`. */
export function formatCodes({ statusCode, apiCode }: Pick<SignInAnswer, 'statusCode' | 'apiCode'>): string {
  return `statusCode ${statusCode}, ${apiCode === undefined ? 'no apiCode' : `apiCode ${apiCode}`}`;
}
