import { GenAuthClient } from '../core/client.js';
import { ConfigurationError, type TokenVerificationError, UpstreamError } from '../core/errors.js';
import { pickConnectionSettings } from '../core/http/connections.js';
import type { Http } from '../core/http/http.js';
import { redactText } from '../core/http/redact.js';
import { AppSecret } from '../core/oidc/app-secret.js';
import type { Environment, VariableOption } from '../core/options/environment.js';
import { resolveOptions } from '../core/options/resolve-options.js';
import type { GenAuthOptions, ResolvedOptions } from '../core/options/types.js';
import type { Credentials } from '../core/sign-in/credentials.js';
import type { SignInAnswer, SignInSuccess } from '../core/sign-in/outcome.js';
import { quote } from '../core/util/quote.js';
import { Documents } from './documents.js';
import { type Source, toSetting } from './environment.js';

/**
 * Maximum length of a value that is shown completely, in characters. Errors cut the values in their `details` after 512
 * characters, so a value of 512 characters may be incomplete.
 */
const MAX_LITERAL_LENGTH = 511;

export interface ContextSettings {
  /** The options as the caller passed them or as the environment variables contain them, not checked. */
  given: GenAuthOptions;
  /** The options in `given` after the check, with defaults for absent options. */
  options: ResolvedOptions;
  source: Source;
  env: Environment;
  /** The credentials for the doctor's sign-ins. The doctor makes one sign-in with each entry. */
  signIns: readonly Credentials[];
  /** The IP address that the doctor's sign-ins send as the client's address. */
  clientIp: string | undefined;
  /** The callback URL of the sign-in on GenAuth's hosted page. */
  callbackUrl?: string | undefined;
  signal: AbortSignal | undefined;
  /** Returns the current time, in milliseconds since 1970. */
  now: () => number;
}

/** Facts about GenAuth's first response, without the response body. */
export interface Probe {
  /** The HTTP status. */
  status: number;
  /** The response header `Date`. */
  date: string | undefined;
  /** The response header `Location`. */
  location: string | undefined;
  /** The time at which the request was sent, in milliseconds since 1970 by the clock of this machine. */
  sentAt: number;
  /** The time at which the response headers arrived, in milliseconds since 1970 by the clock of this machine. */
  receivedAt: number;
  /** The time at which the certificate of the server expires, or `undefined` without TLS. */
  certificateEnds: Date | undefined;
}

/** The state that the checks share: the options, the connections to GenAuth, and the results of the previous checks. */
export class Context {
  readonly settings: ContextSettings;
  readonly options: ResolvedOptions;
  /** The cache of the public documents that GenAuth sent in this run. */
  readonly documents = new Documents();
  /** The connection to the host in the option `appHost`. */
  readonly http: Http;
  readonly client: GenAuthClient<string>;
  readonly appSecret: AppSecret;
  /** Facts about GenAuth's first response. The check `connection` sets this field. */
  probe: Probe | undefined;
  /** The discovery document. The check `discovery` sets this field if the discovery document is usable. */
  discovery: Readonly<Record<string, unknown>> | undefined;
  /** The first successful sign-in. `at` is the time at which the sign-in began, in milliseconds since 1970. */
  signedIn: (SignInSuccess & { at: number }) | undefined;
  /** The error with which the client refused the tokens of a sign-in. */
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
    this.appSecret = new AppSecret(appSecret, now, options.timeout);
    this.#secrets = signIns.map(({ password }) => password);
    if (typeof appSecret === 'string') this.hide(appSecret);
    this.hide(options.key);
    if (proxy !== undefined) {
      const [user = '', password = ''] = [new URL(proxy).username, new URL(proxy).password].map(decodeURIComponent);
      this.hide(proxy, new URL(proxy).password, password, `${user}:${password}`);
    }
  }

  /**
   * Creates a separate connection for one reader of public documents. The class {@link Documents} explains why readers
   * need separate connections.
   */
  createHttp(origin: string): Http {
    return this.documents.createHttp({ origin, ...pickConnectionSettings(this.options) });
  }

  /**
   * Formats the setting of an option for the text `fix`, for example `GENAUTH_APP_ID=my-app`; see {@link toSetting}.
   */
  setting(option: VariableOption, value: string): string {
    return toSetting(this.settings.source, option, value);
  }

  /**
   * Formats the setting of an option with an address that the doctor received.
   *
   * @param placeholder - Replaces the address if it is on another host than `appHost`, because the sender of the
   * address could choose a host of its own. It also replaces an address that the option or {@link literal} refuses.
   */
  proposal(option: VariableOption, address: unknown, placeholder: string): string {
    const text = this.literal(address, placeholder);
    const isOwn = URL.canParse(text) && new URL(text).hostname === new URL(this.options.appHost).hostname;
    return this.setting(option, isOwn && this.accepts(option, text) ? text : placeholder);
  }

  /** Returns whether the options accept this value of an option beside the other options. */
  accepts(option: VariableOption, value: string): boolean {
    try {
      resolveOptions({ ...this.settings.given, [option]: value });
      return true;
    } catch (error) {
      if (error instanceof ConfigurationError) return false;
      throw error;
    }
  }

  /**
   * Removes secrets from all texts of the report, because GenAuth may send them back in a response. `undefined` values
   * are ignored.
   */
  hide(...secrets: readonly (string | undefined)[]): void {
    this.#secrets.push(...secrets);
  }

  /**
   * Formats a value that the doctor received for a sentence. The value is escaped, shortened, and contains no secrets.
   */
  quote(value: unknown): string {
    return quote(typeof value === 'string' ? this.redact(value) : value);
  }

  /**
   * Returns a value that the doctor received, unchanged, for a line that the operator copies into code or a shell.
   *
   * @param placeholder - The result if the value may be incomplete, or if it contains a character that does not occur
   * in an address. Such a character could end a string in code, or run a command in a shell.
   */
  literal(value: unknown, placeholder: string): string {
    if (typeof value !== 'string' || value.length > MAX_LITERAL_LENGTH) return placeholder;
    const text = this.redact(value);
    return /^[\w.~:/?@%=+,[\]-]+$/.test(text) ? text : placeholder;
  }

  /**
   * Describes an error of passport-genauth. If GenAuth sent a response, the description contains only the codes and the
   * request ID of the response. The description leaves out the text of the response, because GenAuth may repeat
   * a secret of the request in that text.
   */
  describe(error: Error): string {
    const answer = error instanceof ConfigurationError || error instanceof UpstreamError ? error.answer : undefined;
    if (answer === undefined) return this.redact(error.message);
    const requestId = answer.requestId === undefined ? 'no request ID' : `request ID ${this.quote(answer.requestId)}`;
    return `GenAuth answered ${formatCodes(answer)}, ${requestId}.`;
  }

  /** Replaces the secrets of the options in a text. */
  redact(text: string): string {
    return redactText(text, this.#secrets);
  }

  close(): void {
    this.documents.close();
    void this.client.close();
  }
}

/** Formats GenAuth's `statusCode` and `apiCode` for a message: `statusCode 403, apiCode 2333`. */
export function formatCodes({ statusCode, apiCode }: Pick<SignInAnswer, 'statusCode' | 'apiCode'>): string {
  return `statusCode ${statusCode}, ${apiCode === undefined ? 'no apiCode' : `apiCode ${apiCode}`}`;
}
