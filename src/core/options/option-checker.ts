import type { AppSecretSource } from '../oidc/app-secret.js';
import type { OptionMistake } from '../errors.js';
import { quote } from '../util/quote.js';
import type { LoginFields, SignInOptionsResolver } from './types.js';
import { deepFreeze, isRecord } from '../util/record.js';
import { findScopeProblem, parseScope } from '../scopes.js';
import { type SignInOptions, findSignInOptionsMistakes } from '../sign-in/sign-in-options.js';

/** The option `name` of an application that has none. */
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

/** GenAuth's sample code: values that are still to be replaced. */
const PLACEHOLDER = /^(GEN_?AUTH|AUTHING)_APP_(ID|SECRET|HOST)$/;

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

/**
 * Finds names that are no option.
 *
 * @param synonyms - Names of other libraries, in lower case, and what they are called here.
 */
export function findUnknownOptions(
  options: object,
  known: readonly string[],
  synonyms: Readonly<Record<string, string>> = {},
  prefix = '',
): OptionMistake[] {
  return Object.keys(options)
    .filter((name) => !known.includes(name))
    .map((name) => {
      const plain = name.toLowerCase().replaceAll(/[^a-z]/g, '');
      const synonym = Object.hasOwn(synonyms, plain) ? synonyms[plain] : undefined;
      const meant = known.find((candidate) => candidate.toLowerCase() === plain) ?? synonym;
      const fix = meant === undefined ? `there are ${known.join(', ')}` : `write ${prefix}${meant}`;
      return { option: prefix + name, problem: 'is not an option', fix };
    });
}

/** Reads one option after another and collects all mistakes, so that one error names them all. */
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

  #wrong(name: string, problem: string, fix: string): undefined {
    this.#mistakes.push({ option: this.#prefix + name, problem, fix });
  }

  /** The members of an option that is an object. */
  group(name: string, known: readonly string[], example: string): OptionChecker {
    const value = this.#read(name);
    if (value !== undefined && !isRecord(value)) this.#wrong(name, `is ${quote(value)}`, `write an object, ${example}`);
    const check = new OptionChecker(isRecord(value) ? value : {}, this.#mistakes, `${this.#prefix}${name}.`);
    this.#mistakes.push(...findUnknownOptions(isRecord(value) ? value : {}, known, {}, `${this.#prefix}${name}.`));
    return check;
  }

  /** App id and secret. The value of a secret is never shown. */
  credential(name: 'appId' | 'appSecret'): string | undefined {
    const value = this.#read(name);
    const shown = name === 'appSecret' ? 'set' : quote(value);
    if (value === undefined || value === '') {
      return this.#wrong(name, 'is missing', 'copy it from the console, application → endpoint information');
    }
    if (typeof value !== 'string')
      return this.#wrong(name, `is not a string but ${typeof value}`, 'write the text that the console shows');
    if (PLACEHOLDER.test(value)) {
      return this.#wrong(name, `is still the placeholder ${value}`, 'copy yours from the console');
    }
    // It goes into a header, and with client_secret_basic a colon ends it (RFC 7617 §2).
    if (name === 'appId' && !/^[\x21-\x39\x3B-\x7E]+$/.test(value.trim())) {
      return this.#wrong(name, `is ${quote(value)}`, 'copy the ID, letters and digits, from the console');
    }
    if (value !== value.trim()) return this.#wrong(name, `is ${shown} with white space around it`, 'take that off');
    return value;
  }

  secret(name: 'appSecret'): AppSecretSource | undefined {
    const value = this.#read(name);
    return typeof value === 'function' ? (value as AppSecretSource) : this.credential(name);
  }

  boolean(name: string): boolean {
    const value = this.#read(name);
    if (value !== undefined && typeof value !== 'boolean')
      this.#wrong(name, `is ${quote(value)}`, 'write true or false');
    return value === true;
  }

  strategyName(name: string): string {
    const value = this.#read(name);
    if (value === undefined) return DEFAULT_NAME;
    if (typeof value === 'string' && /^[a-z][a-z0-9_-]*$/i.test(value)) return value;
    this.#wrong(name, `is ${quote(value)}`, `write letters, digits, - and _, as in 'staff'`);
    return DEFAULT_NAME;
  }

  fields(name: string): Readonly<LoginFields> {
    const check = this.group(name, Object.keys(DEFAULT_FIELDS), `fields: { account: 'login' }`);
    const own = Object.keys(DEFAULT_FIELDS).map((field) => [field, check.#fieldName(field)] as const);
    const fields = { ...DEFAULT_FIELDS, ...Object.fromEntries(own.filter(([, called]) => called !== undefined)) };
    const names = Object.values(fields);
    const twice = names.find((each, i) => names.indexOf(each) !== i);
    if (twice !== undefined) this.#wrong(name, `call two fields ${quote(twice)}`, 'give each a name of its own');
    return Object.freeze(fields);
  }

  #fieldName(name: string): string | undefined {
    const value = this.#read(name);
    if (value === undefined || (typeof value === 'string' && value !== '')) return value;
    return this.#wrong(name, `is ${quote(value)}`, 'write the name that the field has in the body');
  }

  oneOf<Value extends string, Otherwise extends Value | undefined>(
    name: string,
    values: readonly Value[],
    otherwise: Otherwise,
  ): Value | Otherwise {
    const value = this.#read(name);
    if (value === undefined) return otherwise;
    const found = values.find((candidate) => candidate === value);
    if (found === undefined) this.#wrong(name, `is ${quote(value)}`, `write one of ${values.join(', ')}`);
    return found ?? otherwise;
  }

  integer(name: string, unit: string, least: number, most: number, otherwise: number): number {
    const value = this.#read(name);
    if (value === undefined) return otherwise;
    if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value;
    const shown = typeof value === 'number' ? String(value) : quote(value);
    this.#wrong(name, `is ${shown}`, `write a whole number of ${unit} from ${least} to ${most}`);
    return otherwise;
  }

  function(name: string): unknown {
    const value = this.#read(name);
    if (value !== undefined && typeof value !== 'function') {
      this.#wrong(name, `is ${quote(value)}`, 'write a function of the request');
    }
    return value;
  }

  signInOptions(name: string): SignInOptions | SignInOptionsResolver | undefined {
    const value = this.#read(name);
    if (value === undefined || typeof value === 'function') return value as SignInOptionsResolver | undefined;
    if (!isRecord(value))
      return this.#wrong(name, `is ${quote(value)}`, 'write an object, or a function of the request');
    const mistakes = findSignInOptionsMistakes(value);
    if (mistakes.length === 0) return deepFreeze(JSON.parse(JSON.stringify(value)) as SignInOptions);
    for (const { option, problem, fix } of mistakes) this.#wrong(`${name}.${option}`, problem, fix);
    return undefined;
  }

  scope(name: string, otherwise: string[]): string[] {
    const value = this.#read(name);
    if (value === undefined) return otherwise;
    const mistake = findScopeProblem(value);
    if (mistake === undefined) return parseScope(value as string | string[]);
    this.#wrong(name, mistake.problem, mistake.fix);
    return otherwise;
  }

  strings(name: string, otherwise: string[]): string[] {
    const value = this.#read(name);
    if (value === undefined) return otherwise;
    const list: unknown[] = Array.isArray(value) ? value : [value];
    if (list.length > 0 && list.every((item) => typeof item === 'string' && item !== ''))
      return [...(list as string[])];
    this.#wrong(name, `is ${quote(value)}`, 'write a string, or a list of strings');
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
    return this.#wrong(name, 'is no PEM certificate', `write ca: readFileSync('ca.pem', 'utf8')`);
  }

  /** An address with https, or http on a loopback host, without user, query and fragment. */
  url(name: string): { url: URL; text: string } | undefined {
    const value = this.#read(name);
    if (value === undefined) return undefined;
    // First, since a message about anything else would show them.
    if (typeof value === 'string' && value.includes('@')) {
      return this.#wrong(name, 'holds a user or a password', 'take them out');
    }
    if (typeof value === 'string' && /[?#]/.test(value)) {
      return this.#wrong(name, 'has a query or a fragment', 'take it off');
    }
    const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
    if (url === undefined || typeof value !== 'string' || !/^https?:\/\//.test(value)) {
      const guess = typeof value === 'string' ? value.replace(/^[a-z]*:?\/\//i, '').split('/', 1)[0] : '';
      const example = guess !== '' && URL.canParse(`https://${guess}`) ? guess : 'example.genauth.ai';
      return this.#wrong(name, `is ${quote(value)}`, `write a full address, "https://${example}"`);
    }
    if (url.pathname.startsWith('//'))
      return this.#wrong(name, `is ${quote(value)}, whose path begins with two slashes`, 'take one off');
    if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
      return this.#wrong(name, `is ${quote(value)}`, 'write https; plain http would send passwords in the clear');
    }
    return { url, text: value };
  }

  origin(name: string): string | undefined {
    const value = this.#read(name);
    if (value === undefined || value === '') {
      return this.#wrong(
        name,
        'is missing',
        `copy the application's address from the console, "https://example.genauth.ai"`,
      );
    }
    if (typeof value === 'string' && PLACEHOLDER.test(value)) {
      return this.#wrong(name, `is still the placeholder ${value}`, `copy the application's address from the console`);
    }
    const parsed = this.url(name)?.url;
    if (parsed !== undefined && parsed.pathname !== '/') {
      return this.#wrong(name, `is ${quote(value)}`, `take the path off, "${parsed.origin}"`);
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
    return this.#wrong(name, 'is not the address of an HTTP proxy', 'write "http://proxy.example.com:3128"');
  }
}
