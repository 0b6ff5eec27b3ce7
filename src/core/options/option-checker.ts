import type { AppSecretSource } from '../oidc/app-secret.js';
import type { OptionMistake } from '../errors.js';
import { quote, unquote } from '../util/quote.js';
import { findUnknownOptions } from '../util/unknown-options.js';
import { PATHS } from '../wire/facts.js';
import { checkUrl } from '../util/url.js';
import type { LoginFields, SignInOptionsResolver } from './types.js';
import { deepFreeze, isRecord } from '../util/record.js';
import { findScopeProblem, parseScope } from '../scopes.js';
import { findKeyProblem, parseCertificates } from './pem.js';
import { type SignInOptions, findSignInOptionsMistakes } from '../sign-in/sign-in-options.js';

/** The default of the client's option `name`. */
export const DEFAULT_NAME = 'genauth';

const DEFAULT_FIELDS: Readonly<LoginFields> = Object.freeze({
  account: 'account',
  email: 'email',
  username: 'username',
  phone: 'phone',
  sAMAccountName: 'sAMAccountName',
  password: 'password',
  captchaCode: 'captchaCode',
  captchaToken: 'captchaToken',
});

/** Placeholders in GenAuth's sample code, which the developer must replace. */
const PLACEHOLDER = /^(GEN_?AUTH|AUTHING)_APP_(ID|SECRET|HOST)$/;

/** Reads and checks options. Collects all mistakes, so that a single error can list all mistakes. */
export class OptionChecker {
  readonly #source: object;
  readonly #mistakes: OptionMistake[];
  readonly #prefix: string;

  constructor(source: object, mistakes: OptionMistake[], prefix = '') {
    this.#source = source;
    this.#mistakes = mistakes;
    this.#prefix = prefix;
  }

  #read(name: string): unknown {
    return Object.hasOwn(this.#source, name) ? (this.#source as Record<string, unknown>)[name] : undefined;
  }

  #addMistake(name: string, problem: string, fix: string): undefined {
    this.#mistakes.push({ option: this.#prefix + name, problem, fix });
  }

  /** Returns an `OptionChecker` for the properties of an option that is an object. */
  group(name: string, known: readonly string[], example: string): OptionChecker {
    const value = this.#read(name);
    if (value !== undefined && !isRecord(value))
      this.#addMistake(name, `is ${quote(value)}`, `write an object, ${example}`);
    const check = new OptionChecker(isRecord(value) ? value : {}, this.#mistakes, `${this.#prefix}${name}.`);
    this.#mistakes.push(
      ...findUnknownOptions(isRecord(value) ? value : {}, known, { prefix: `${this.#prefix}${name}.` }),
    );
    return check;
  }

  /** Reads the application ID or the application secret. A mistake never contains the value of the secret. */
  credential(name: 'appId' | 'appSecret'): string | undefined {
    const value = this.#read(name);
    if (value === undefined || value === '') {
      return this.#addMistake(name, 'is missing', 'copy it from the console, application → endpoint information');
    }
    if (typeof value !== 'string') {
      return this.#addMistake(name, `is of type ${typeof value}`, 'write the string that the console shows');
    }
    if (PLACEHOLDER.test(value)) {
      return this.#addMistake(name, `is still the placeholder ${value}`, 'replace it with the value from the console');
    }
    // An application secret may begin or end with a quotation mark.
    const hasQuotes = name === 'appId' ? unquote(value) !== value : /^(["'`]).+\1$/.test(value);
    if (hasQuotes) {
      return this.#addMistake(
        name,
        `${name === 'appId' ? `is ${quote(value)} with` : 'has'} quotes around it`,
        'remove the quotes',
      );
    }
    // The application ID is sent in a request header, so it must consist of visible ASCII characters. With
    // `client_secret_basic`, a colon would end the application ID too early (RFC 7617 §2).
    if (name === 'appId' && !/^[\x21-\x39\x3B-\x7E]+$/.test(value.trim())) {
      return this.#addMistake(name, `is ${quote(value)}`, 'copy the app ID (letters and digits) from the console');
    }
    if (value !== value.trim()) {
      const start = name === 'appSecret' ? 'has' : `is ${quote(value)} with`;
      return this.#addMistake(name, `${start} white space around it`, 'remove the white space');
    }
    return value;
  }

  secret(name: 'appSecret'): AppSecretSource | undefined {
    const value = this.#read(name);
    return typeof value === 'function' ? (value as AppSecretSource) : this.credential(name);
  }

  boolean(name: string, defaultValue = false): boolean {
    const value = this.#read(name);
    if (value === undefined) return defaultValue;
    if (typeof value !== 'boolean') this.#addMistake(name, `is ${quote(value)}`, 'write true or false');
    return value === true;
  }

  strategyName(name: string): string {
    const value = this.#read(name);
    if (value === undefined) return DEFAULT_NAME;
    if (typeof value === 'string' && /^[a-z][a-z0-9_-]*$/i.test(value)) return value;
    this.#addMistake(name, `is ${quote(value)}`, `write letters, digits, - and _ with a letter first, such as 'staff'`);
    return DEFAULT_NAME;
  }

  fields(name: string): Readonly<LoginFields> {
    const check = this.group(name, Object.keys(DEFAULT_FIELDS), `fields: { account: 'login' }`);
    const given = Object.keys(DEFAULT_FIELDS).map((field) => [field, check.#fieldName(field)] as const);
    const renamed = Object.fromEntries(given.filter(([, fieldName]) => fieldName !== undefined));
    const fields = { ...DEFAULT_FIELDS, ...renamed };
    const names = Object.values(fields);
    const duplicate = names.find((each, i) => names.indexOf(each) !== i);
    if (duplicate !== undefined) {
      this.#addMistake(name, `gives two fields the name ${quote(duplicate)}`, 'write a different name for each field');
    }
    return Object.freeze(fields);
  }

  #fieldName(name: string): string | undefined {
    const value = this.#read(name);
    if (value === undefined || (typeof value === 'string' && value !== '')) return value;
    return this.#addMistake(name, `is ${quote(value)}`, 'write the name of this field in the login body');
  }

  oneOf<Value extends string, Default extends Value | undefined>(
    name: string,
    values: readonly Value[],
    defaultValue: Default,
  ): Value | Default {
    const value = this.#read(name);
    if (value === undefined) return defaultValue;
    const found = values.find((candidate) => candidate === value);
    if (found === undefined) this.#addMistake(name, `is ${quote(value)}`, `write one of ${values.join(', ')}`);
    return found ?? defaultValue;
  }

  /** @param unit - The unit of `min` and `max`, in the plural, for example `milliseconds`. */
  integer<Default extends number | undefined>(
    name: string,
    unit: string,
    min: number,
    max: number,
    defaultValue: Default,
    presence: 'optional' | 'required' = 'optional',
  ): number | Default {
    const value = this.#read(name);
    if (value === undefined && presence === 'optional') return defaultValue;
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) return value;
    const shown = typeof value === 'number' ? String(value) : quote(value);
    this.#addMistake(
      name,
      value === undefined ? 'is missing' : `is ${shown}`,
      `write a whole number of ${unit} from ${min} to ${max}`,
    );
    return defaultValue;
  }

  /**
   * @param example - A line of code that sets the option.
   * @param presence - `required`: an own property with the value `undefined` is a mistake. A function that refuses
   * users must not disappear because its name is misspelt.
   */
  function(name: string, example: string, presence: 'optional' | 'required' = 'optional'): unknown {
    const value = this.#read(name);
    const isMissing = value === undefined && (presence === 'optional' || !Object.hasOwn(this.#source, name));
    if (!isMissing && typeof value !== 'function') {
      this.#addMistake(name, `is ${quote(value)}`, `write a function, ${example}`);
    }
    return value;
  }

  signInOptions(name: string): SignInOptions | SignInOptionsResolver | undefined {
    const value = this.#read(name);
    if (value === undefined || typeof value === 'function') return value as SignInOptionsResolver | undefined;
    if (!isRecord(value)) {
      return this.#addMistake(name, `is ${quote(value)}`, 'write an object, or a function (req) => object');
    }
    const mistakes = findSignInOptionsMistakes(value);
    if (mistakes.length === 0) return deepFreeze(JSON.parse(JSON.stringify(value)) as SignInOptions);
    for (const { option, problem, fix } of mistakes) this.#addMistake(`${name}.${option}`, problem, fix);
    return undefined;
  }

  scope(name: string, defaultValue: string[]): string[] {
    const value = this.#read(name);
    if (value === undefined) return defaultValue;
    const mistake = findScopeProblem(value);
    if (mistake === undefined) return parseScope(value as string | string[]);
    this.#addMistake(name, mistake.problem, mistake.fix);
    return defaultValue;
  }

  strings(name: string, defaultValue: string[]): string[] {
    const value = this.#read(name);
    if (value === undefined) return defaultValue;
    const list: unknown[] = Array.isArray(value) ? value : [value];
    if (list.length > 0 && list.every((item) => typeof item === 'string' && item !== ''))
      return [...(list as string[])];
    this.#addMistake(name, `is ${quote(value)}`, 'write a string, or a list of strings, none of them empty');
    return defaultValue;
  }

  /** Reads certificates, and returns the PEM text of each certificate. */
  certificates(name: string): readonly string[] | undefined {
    const value = this.#read(name);
    if (value === undefined) return undefined;
    const texts: readonly unknown[] = Array.isArray(value) && value.length > 0 ? value : [value];
    const certificates: string[] = [];
    for (const text of texts) {
      const parsed = parseCertificates(name, typeof text === 'string' ? text : '');
      if ('problem' in parsed) return this.#addMistake(name, parsed.problem, parsed.fix);
      certificates.push(...parsed.certificates);
    }
    return Object.freeze(certificates);
  }

  /**
   * Reads a client certificate and its private key. A mistake never contains the key. If `cert` has several
   * certificates, the client certificate is the first.
   */
  clientCertificate(): { cert: readonly string[] | undefined; key: string | undefined } {
    const cert = this.certificates('cert');
    const [hasCert, key] = [this.#read('cert') !== undefined, this.#read('key')];
    if (key === undefined) {
      if (hasCert) this.#addMistake('cert', 'is set without key', 'write the private key of the certificate in key');
      return { cert, key: undefined };
    }
    if (!hasCert) this.#addMistake('key', 'is set without cert', 'write the certificate of the key in cert');
    const mistake = findKeyProblem('key', typeof key === 'string' ? key : '', cert?.[0]);
    if (mistake !== undefined) this.#addMistake('key', mistake.problem, mistake.fix);
    return { cert, key: key as string };
  }

  /**
   * Reads an `https:` address, or an `http:` address of a loopback host, without user name, query and fragment.
   *
   * @param use - `compared`: the address is only compared, and no request is sent to it. `http:` is accepted for all
   * hosts.
   */
  url(name: string, use: 'requested' | 'compared' = 'requested'): { url: URL; text: string } | undefined {
    const value = this.#read(name);
    if (value === undefined) return undefined;
    const checked = checkUrl(value, use);
    if ('problem' in checked) return this.#addMistake(name, checked.problem, checked.fix);
    return checked;
  }

  /**
   * Reads the address of GenAuth's hosted page.
   *
   * @param origin - The origin of `appHost`, on which the address must be.
   * @param appHost - The option `appHost`. Its path is kept in the default, because newer applications have it.
   */
  authorizationEndpoint(name: string, origin: string, appHost: unknown): string {
    const given = this.url(name)?.url;
    if (given !== undefined && origin !== '' && given.origin !== origin) {
      this.#addMistake(
        name,
        `is ${quote(given.href)}`,
        `write an address on the host of appHost, "${origin}/oidc/auth"`,
      );
    }
    if (given !== undefined) return given.href;
    return origin === '' ? '' : String(appHost).replace(/\/*$/, '') + PATHS.authorization;
  }

  /**
   * Reads the address of the application, and returns its origin.
   *
   * @param appId - The only path that the address may have. The console shows this path for newer applications.
   */
  origin(name: string, appId: string): string | undefined {
    const value = this.#read(name);
    if (value === undefined || value === '') {
      return this.#addMistake(
        name,
        'is missing',
        `copy the application's address from the console, "https://example.genauth.ai"`,
      );
    }
    if (typeof value === 'string' && PLACEHOLDER.test(value)) {
      return this.#addMistake(
        name,
        `is still the placeholder ${value}`,
        `copy the application's address from the console`,
      );
    }
    const parsed = this.url(name)?.url;
    if (parsed !== undefined && !['/', `/${appId}`, `/${appId}/`].includes(parsed.pathname)) {
      const fix = `write it without the path, or with the appId as the only path, "${parsed.origin}"`;
      return this.#addMistake(name, `is ${quote(value)}`, fix);
    }
    return parsed?.origin;
  }

  /** Reads the address of a proxy. A mistake never contains the address, because the address may contain a password. */
  proxy(name: string): string | undefined {
    const value = this.#read(name);
    if (value === undefined) return undefined;
    const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
    if (url !== undefined && /^https?:$/.test(url.protocol) && isDecodable(url.username + url.password)) {
      return value as string;
    }
    if (typeof value === 'string' && unquote(value) !== value) {
      return this.#addMistake(name, 'has quotes around it', 'remove the quotes');
    }
    const fix = 'write "http://proxy.example.com:3128", with any % in the password as %25';
    return this.#addMistake(name, 'is not the address of an HTTP proxy', fix);
  }
}

/** A percent sign must begin the escape of a UTF-8 character. A percent sign in a password is written as %25. */
function isDecodable(text: string): boolean {
  try {
    return typeof decodeURIComponent(text) === 'string';
  } catch {
    return false;
  }
}
