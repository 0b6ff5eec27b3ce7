import { ConfigurationError, quote } from './errors.js';
import { ownProperties } from './own-properties.js';
import { type DefaultScope, parseScope } from './scopes.js';
import { type SignInOptions, findSignInOptionsMistakes } from './sign-in.js';
import { TOKEN_ENDPOINT_AUTH_METHODS, type TokenEndpointAuthMethod, buildIssuer } from './wire.js';

/** What the library reads of a request. Express 4 and 5, Fastify, Nest and Node's own requests have it. */
export interface GenAuthRequest {
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body?: unknown;
  /** The address that the framework trusts: Express under `trust proxy`, Fastify under `trustProxy`. */
  readonly ip?: string | undefined;
  readonly socket?: { readonly remoteAddress?: string | undefined } | undefined;
}

/**
 * Everything there is to set. `appId`, `appSecret` and `appHost` are the words of GenAuth's console.
 *
 * @typeParam S - The scopes, inferred from `scope`; the type of the signed-in user follows them.
 */
export interface GenAuthOptions<S extends string = string> {
  /** Application ID (console: application → endpoint information). */
  appId: string;
  /** Application secret; left out with `tokenEndpointAuthMethod: 'none'`. */
  appSecret?: string | undefined;
  /** The application's address, `https://example.genauth.ai`. Plain http is taken for a loopback host alone. */
  appHost: string;
  /** `iss` of the tokens, compared as it stands. Default: `${appHost}/oidc`. */
  issuer?: string | undefined;
  /** As the console says under token-exchange authentication. Default: `client_secret_post`. */
  tokenEndpointAuthMethod?: TokenEndpointAuthMethod | undefined;
  /** A list, or one text with spaces; must hold `openid`. Default: `['openid', 'profile']`. */
  scope?: S | readonly S[] | undefined;
  /**
   * What accompanies a sign-in, fixed or made for each request on the server's side. Nothing of it is ever read from the
   * request's body by itself. What the function throws makes the login fail with 500.
   */
  signInOptions?: SignInOptions | SignInOptionsResolver | undefined;
  /**
   * The person's IP address. Default: the address that the framework trusts, else the socket's. What this function
   * returns, or its promise, counts only if it is an IP address; what it throws makes the login fail with 500.
   */
  clientIp?: ClientIpResolver | undefined;
  /** Milliseconds for one whole exchange with GenAuth. Default: 10,000. A sign-in is never repeated. */
  timeout?: number | undefined;
  /** Seconds that clocks may differ when `exp`, `nbf` and `iat` are checked; 0 to 300. Default: 5. */
  clockTolerance?: number | undefined;
  /** Address of the key set. Default: what discovery says. */
  jwksUri?: string | undefined;
  /** `aud` that access tokens on guarded routes must have one of. Default: `appId`. The id_token's is always `appId`. */
  audience?: string | readonly string[] | undefined;
  /** Certificate authorities (PEM) to trust instead of Node's own, for a private deployment. */
  ca?: string | readonly string[] | undefined;
  /**
   * HTTP proxy for the calls to GenAuth, `http://user:password@proxy:3128`. Default: none; the environment is not read. A
   * loopback `appHost` is reached directly.
   */
  proxy?: string | undefined;
  /** The key set's cache, in milliseconds. */
  jwks?: JwksOptions | undefined;
}

// Methods, not properties: their parameters are compared both ways, so `(req: express.Request) => …` fits.
interface Resolvers {
  signInOptions(req: GenAuthRequest): SignInOptions | Promise<SignInOptions>;
  clientIp(req: GenAuthRequest): string | undefined | Promise<string | undefined>;
}
export type SignInOptionsResolver = Resolvers['signInOptions'];
export type ClientIpResolver = Resolvers['clientIp'];

export interface JwksOptions {
  /** How long a key set counts as fresh: a withdrawn key is gone after it. Default: 600,000 (10 minutes). */
  maxAge?: number | undefined;
  /** Shortest time between two fetches that unknown key IDs cause. Default: 30,000. */
  cooldown?: number | undefined;
  /** How long after `maxAge` the last good set serves while GenAuth cannot be reached. Default: 86,400,000 (a day). */
  staleIfError?: number | undefined;
}

/** Options with every default filled in, checked and frozen. */
export interface ResolvedOptions {
  readonly appId: string;
  readonly appSecret: string | undefined;
  readonly appHost: string;
  readonly issuer: string;
  readonly tokenEndpointAuthMethod: TokenEndpointAuthMethod;
  readonly scope: readonly string[];
  readonly signInOptions: SignInOptions | SignInOptionsResolver | undefined;
  readonly clientIp: ClientIpResolver | undefined;
  readonly timeout: number;
  readonly clockTolerance: number;
  readonly jwksUri: string | undefined;
  readonly audience: readonly string[];
  readonly ca: string | readonly string[] | undefined;
  readonly proxy: string | undefined;
  readonly jwks: { readonly maxAge: number; readonly cooldown: number; readonly staleIfError: number };
}

/**
 * Checks the options where they are written and keeps the scopes' types.
 *
 * @returns The same options, frozen.
 * @throws ConfigurationError that names every mistake, with its value and the mend.
 */
export function defineGenAuthOptions<const S extends string = DefaultScope>(
  options: GenAuthOptions<S>,
): Readonly<GenAuthOptions<S>> {
  resolveOptions(options);
  return Object.freeze({ ...options });
}

const OPTION_NAMES = [
  'appId',
  'appSecret',
  'appHost',
  'issuer',
  'tokenEndpointAuthMethod',
  'scope',
  'signInOptions',
  'clientIp',
  'timeout',
  'clockTolerance',
  'jwksUri',
  'audience',
  'ca',
  'proxy',
  'jwks',
] as const satisfies readonly (keyof GenAuthOptions)[];

/** Other libraries' words for ours. */
const SYNONYMS: Readonly<Record<string, string>> = {
  clientid: 'appId',
  clientsecret: 'appSecret',
  secret: 'appSecret',
  host: 'appHost',
  domain: 'appHost',
  baseurl: 'appHost',
  scopes: 'scope',
  jwksurl: 'jwksUri',
  clocktoleranceseconds: 'clockTolerance',
};

/** GenAuth's sample code: values that are still to be replaced. */
const PLACEHOLDER = /^(GEN_?AUTH|AUTHING)_APP_(ID|SECRET|HOST)$/;

/**
 * Fills in the defaults and checks everything.
 *
 * @throws ConfigurationError `invalid_options` that names every mistake at once.
 */
export function resolveOptions(given: GenAuthOptions): ResolvedOptions {
  const mistakes: string[] = [];
  if (!isRecord(given)) {
    throw new ConfigurationError(
      'invalid_options',
      `passport-genauth: the options are ${quote(given)}. Pass an object with appId, appSecret and appHost.`,
    );
  }
  const options: GenAuthOptions = ownProperties(given);
  const check = new Checker(options, mistakes);
  check.names(OPTION_NAMES, SYNONYMS);

  const tokenEndpointAuthMethod = check.oneOf(
    'tokenEndpointAuthMethod',
    TOKEN_ENDPOINT_AUTH_METHODS,
    'client_secret_post',
  );
  const appId = check.credential('appId') ?? '';
  const appSecret = tokenEndpointAuthMethod === 'none' ? undefined : check.credential('appSecret');
  if (tokenEndpointAuthMethod === 'none' && options.appSecret !== undefined) {
    mistakes.push(`appSecret is set, but tokenEndpointAuthMethod 'none' sends none: leave one of the two out.`);
  }
  const appHost = check.origin('appHost') ?? '';
  const scope = check.scope('scope', ['openid', 'profile']);
  const jwks = isRecord(options.jwks) ? options.jwks : {};
  if (options.jwks !== undefined && !isRecord(options.jwks)) {
    mistakes.push(`jwks is ${quote(options.jwks)}: write an object, jwks: { maxAge: 600_000 }.`);
  }
  const checkJwks = new Checker(jwks, mistakes, 'jwks.');
  checkJwks.names(['maxAge', 'cooldown', 'staleIfError']);

  const resolved: ResolvedOptions = {
    appId,
    appSecret,
    appHost,
    issuer: check.url('issuer')?.text ?? buildIssuer(appHost),
    tokenEndpointAuthMethod,
    scope: Object.freeze(scope),
    signInOptions: check.signInOptions('signInOptions'),
    clientIp: check.callable('clientIp') as ClientIpResolver | undefined,
    timeout: check.whole('timeout', 'milliseconds', 1, 600_000, 10_000),
    clockTolerance: check.whole('clockTolerance', 'seconds', 0, 300, 5),
    jwksUri: check.url('jwksUri')?.url.href,
    audience: Object.freeze(check.texts('audience', [appId])),
    ca: check.certificates('ca'),
    proxy: check.proxy('proxy'),
    jwks: Object.freeze({
      maxAge: checkJwks.whole('maxAge', 'milliseconds', 1000, 86_400_000, 600_000),
      cooldown: checkJwks.whole('cooldown', 'milliseconds', 100, 3_600_000, 30_000),
      staleIfError: checkJwks.whole('staleIfError', 'milliseconds', 0, 31 * 86_400_000, 86_400_000),
    }),
  };
  if (mistakes.length > 0) throw new ConfigurationError('invalid_options', describe(mistakes));
  return Object.freeze(resolved);
}

function describe(mistakes: readonly string[]): string {
  return ['passport-genauth: the options are wrong.', ...mistakes.map((mistake) => `  - ${mistake}`)].join('\n');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

/** Reads one option after the other, takes down what is wrong, and goes on, so that all mistakes are told at once. */
class Checker {
  readonly #source: object;
  readonly #mistakes: string[];
  readonly #prefix: string;

  constructor(source: object, mistakes: string[], prefix = '') {
    this.#source = source;
    this.#mistakes = mistakes;
    this.#prefix = prefix;
  }

  #read(name: string): unknown {
    return Object.hasOwn(this.#source, name) ? (this.#source as Record<string, unknown>)[name] : undefined;
  }

  #wrong(name: string, problem: string): undefined {
    this.#mistakes.push(`${this.#prefix}${name} ${problem}`);
  }

  names(known: readonly string[], synonyms: Readonly<Record<string, string>> = {}): void {
    for (const name of Object.keys(this.#source)) {
      if (known.includes(name)) continue;
      const plain = name.toLowerCase().replaceAll(/[^a-z]/g, '');
      const synonym = Object.hasOwn(synonyms, plain) ? synonyms[plain] : undefined;
      const meant = known.find((candidate) => candidate.toLowerCase() === plain) ?? synonym;
      const mend = meant === undefined ? `there are ${known.join(', ')}.` : `write ${this.#prefix}${meant}.`;
      this.#mistakes.push(`${this.#prefix}${name} is not an option: ${mend}`);
    }
  }

  /** App id and secret. The value of a secret is never shown. */
  credential(name: 'appId' | 'appSecret'): string | undefined {
    const value = this.#read(name);
    const shown = name === 'appSecret' ? 'set' : quote(value);
    if (value === undefined || value === '') {
      return this.#wrong(name, `is missing: copy it from the console, application → endpoint information.`);
    }
    if (typeof value !== 'string') return this.#wrong(name, `is not a text but ${typeof value}.`);
    if (PLACEHOLDER.test(value)) {
      return this.#wrong(name, `is still the placeholder ${value}: copy yours from the console.`);
    }
    // It goes into a header, and with client_secret_basic a colon ends it (RFC 7617 §2).
    if (name === 'appId' && !/^[\x21-\x39\x3B-\x7E]+$/.test(value.trim())) {
      return this.#wrong(name, `is ${quote(value)}: copy the ID, letters and digits, from the console.`);
    }
    if (value !== value.trim()) return this.#wrong(name, `is ${shown} with white space around it: take that off.`);
    return value;
  }

  oneOf<Value extends string>(name: string, values: readonly Value[], otherwise: Value): Value {
    const value = this.#read(name);
    if (value === undefined) return otherwise;
    const found = values.find((candidate) => candidate === value);
    if (found === undefined) this.#wrong(name, `is ${quote(value)}: write one of ${values.join(', ')}.`);
    return found ?? otherwise;
  }

  whole(name: string, unit: string, least: number, most: number, otherwise: number): number {
    const value = this.#read(name);
    if (value === undefined) return otherwise;
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    const shown = typeof value === 'number' ? String(value) : quote(value);
    this.#wrong(name, `is ${shown}: write a whole number of ${unit} from ${least} to ${most}.`);
    return otherwise;
  }

  callable(name: string): unknown {
    const value = this.#read(name);
    if (value !== undefined && typeof value !== 'function') {
      this.#wrong(name, `is ${quote(value)}: write a function of the request.`);
    }
    return value;
  }

  signInOptions(name: string): SignInOptions | SignInOptionsResolver | undefined {
    const value = this.#read(name);
    if (value === undefined || typeof value === 'function') return value as SignInOptionsResolver | undefined;
    if (!isRecord(value))
      return this.#wrong(name, `is ${quote(value)}: write an object, or a function of the request.`);
    const mistakes = findSignInOptionsMistakes(value);
    if (mistakes.length === 0) return deepFreeze(JSON.parse(JSON.stringify(value)) as SignInOptions);
    this.#mistakes.push(...mistakes.map((mistake) => `${this.#prefix}${name}.${mistake}`));
    return undefined;
  }

  scope(name: string, otherwise: string[]): string[] {
    const value = this.#read(name);
    if (value === undefined) return otherwise;
    const isText = typeof value === 'string';
    if (!isText && !(Array.isArray(value) && value.every((item) => typeof item === 'string'))) {
      this.#wrong(name, `is ${quote(value)}: write ['openid', 'profile'] or 'openid profile'.`);
      return otherwise;
    }
    const scope = parseScope(value as string | string[]);
    // RFC 6749 §3.3: a scope is made of visible ASCII without quote and backslash.
    const bad = scope.find((item) => !/^[\x21\x23-\x5B\x5D-\x7E]+$/.test(item));
    if (bad !== undefined) this.#wrong(name, `holds ${quote(bad)}, which is not a scope.`);
    if (!scope.includes('openid')) {
      this.#wrong(name, `is ${quote(scope.join(' '))} without 'openid': add it, else there is no id_token.`);
    }
    return scope;
  }

  texts(name: string, otherwise: string[]): string[] {
    const value = this.#read(name);
    if (value === undefined) return otherwise;
    const list: unknown[] = Array.isArray(value) ? value : [value];
    if (list.length > 0 && list.every((item) => typeof item === 'string' && item !== ''))
      return [...(list as string[])];
    this.#wrong(name, `is ${quote(value)}: write a text, or a list of texts.`);
    return otherwise;
  }

  certificates(name: string): string | readonly string[] | undefined {
    const value = this.#read(name);
    if (value === undefined) return undefined;
    const list: unknown[] = Array.isArray(value) ? value : [value];
    if (
      list.length > 0 &&
      list.every((item) => typeof item === 'string' && item.includes('-----BEGIN CERTIFICATE-----'))
    ) {
      return typeof value === 'string' ? value : Object.freeze([...(list as string[])]);
    }
    return this.#wrong(name, `is no PEM certificate: write ca: readFileSync('ca.pem', 'utf8').`);
  }

  /** An address with https, or http on a loopback host, without user, query and fragment. */
  url(name: string): { url: URL; text: string } | undefined {
    const value = this.#read(name);
    if (value === undefined) return undefined;
    // First, since a message about anything else would show them.
    if (typeof value === 'string' && value.includes('@')) {
      return this.#wrong(name, 'holds a user or a password: take them out.');
    }
    const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
    if (url === undefined || typeof value !== 'string' || !/^https?:\/\//.test(value)) {
      const guess = typeof value === 'string' ? value.replace(/^[a-z]*:?\/\//i, '').split('/', 1)[0] : '';
      const example = guess !== '' && URL.canParse(`https://${guess}`) ? guess : 'example.genauth.ai';
      return this.#wrong(name, `is ${quote(value)}: write a full address, "https://${example}".`);
    }
    if (value.includes('?') || value.includes('#')) {
      return this.#wrong(name, `is ${quote(value)}: take the query and the fragment off.`);
    }
    if (url.pathname.startsWith('//'))
      return this.#wrong(name, `is ${quote(value)}: its path begins with two slashes.`);
    if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
      return this.#wrong(name, `is ${quote(value)}: write https; plain http would send passwords in the clear.`);
    }
    return { url, text: value };
  }

  origin(name: string): string | undefined {
    const value = this.#read(name);
    if (value === undefined || value === '') {
      return this.#wrong(
        name,
        `is missing: copy the application's address from the console, "https://example.genauth.ai".`,
      );
    }
    if (typeof value === 'string' && PLACEHOLDER.test(value)) {
      return this.#wrong(name, `is still the placeholder ${value}: copy the application's address from the console.`);
    }
    const parsed = this.url(name)?.url;
    if (parsed !== undefined && parsed.pathname !== '/') {
      return this.#wrong(name, `is ${quote(value)}: take the path off, "${parsed.origin}".`);
    }
    return parsed?.origin;
  }

  /** The value of a proxy may hold a password, so it is never shown. */
  proxy(name: string): string | undefined {
    const value = this.#read(name);
    if (value === undefined) return undefined;
    const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
    const isHttp = url !== undefined && /^https?:$/.test(url.protocol) && url.hostname !== '';
    // A percent sign that is part of a password must itself be written as %25.
    if (isHttp && /^(?:[^%]|%[0-9a-f]{2})*$/i.test(url.username + url.password)) return value as string;
    return this.#wrong(name, 'is not the address of an HTTP proxy: write "http://proxy.example.com:3128".');
  }
}
