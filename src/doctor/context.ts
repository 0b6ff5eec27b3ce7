import { AppSecret } from '../core/oidc/app-secret.js';
import { GenAuthClient } from '../core/client.js';
import { ConfigurationError, type TokenVerificationError, UpstreamError } from '../core/errors.js';
import { quote } from '../core/util/quote.js';
import { Http } from '../core/http/http.js';
import type { GenAuthOptions, ResolvedOptions } from '../core/options/types.js';
import type { Credentials } from '../core/sign-in/credentials.js';
import type { SignInSuccess } from '../core/sign-in/outcome.js';
import type { Probe } from './checks/connection.js';
import { type Environment, type Source, type VariableOption, toLine } from './environment.js';

export interface ExaminationSettings {
  given: GenAuthOptions;
  options: ResolvedOptions;
  source: Source;
  env: Environment;
  /** One sign-in each. */
  signIns: readonly Credentials[];
  clientIp: string | undefined;
  signal: AbortSignal | undefined;
  /** Milliseconds since 1970. */
  now: () => number;
}

/** What the checks share: the options, the ways to GenAuth, and what one check learns for the next. */
export class Examination {
  readonly settings: ExaminationSettings;
  readonly options: ResolvedOptions;
  readonly http: Http;
  readonly client: GenAuthClient<string>;
  readonly appSecret: AppSecret;
  /** GenAuth's very first answer. */
  probe: Probe | undefined;
  /** The discovery document, if it can be used. */
  discovery: Readonly<Record<string, unknown>> | undefined;
  /** The first sign-in that came to its end, and when. */
  signedIn: (SignInSuccess & { at: number }) | undefined;
  /** Why the tokens of a sign-in were refused. */
  tokenFault: TokenVerificationError | undefined;
  readonly #secrets: string[];

  constructor(settings: ExaminationSettings) {
    const { given, options, signIns, now } = settings;
    const { appHost: origin, appSecret, timeout, ca, proxy } = options;
    this.settings = settings;
    this.options = options;
    this.http = new Http({ origin, timeout, ca, proxy });
    this.client = new GenAuthClient(given, { now });
    this.appSecret = new AppSecret(appSecret, now);
    this.#secrets = signIns.map(({ password }) => password);
    if (typeof appSecret === 'string') this.hide(appSecret);
    if (proxy !== undefined) this.hide(proxy, decodeURIComponent(new URL(proxy).password));
  }

  /** The line that sets an option, in the environment or in code. */
  line(option: VariableOption, value: string): string {
    return toLine(this.settings.source, option, value);
  }

  /** These texts are not told, should GenAuth send them back. */
  hide(...secrets: readonly (string | undefined)[]): void {
    this.#secrets.push(...(secrets.filter((secret) => secret !== undefined && secret !== '') as string[]));
  }

  /** What comes from outside, as one safe piece of a sentence. */
  quote(value: unknown): string {
    return quote(typeof value === 'string' ? this.#redact(value) : value);
  }

  /** An error of the library in words. Where GenAuth answered, the codes of the answer: its words may hold what it was sent. */
  describe(error: Error): string {
    const answer = error instanceof ConfigurationError || error instanceof UpstreamError ? error.answer : undefined;
    if (answer === undefined) return this.#redact(error.message);
    const { statusCode, apiCode, requestId } = answer;
    return `GenAuth answered ${statusCode}/${apiCode ?? '-'}, request ${this.quote(requestId ?? '-')}.`;
  }

  #redact(text: string): string {
    const forms = this.#secrets.flatMap((secret) => [
      secret,
      JSON.stringify(secret).slice(1, -1),
      encodeURIComponent(secret),
    ]);
    return forms.reduce((rest, form) => rest.replaceAll(form, '[hidden]'), text);
  }

  close(): void {
    this.http.close();
    this.client.close();
  }
}
