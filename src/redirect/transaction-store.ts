import { ConfigurationError } from '../core/errors.js';
import { getOwn, isRecord } from '../core/util/record.js';
import { SealedBox } from '../core/util/sealed-box.js';
import { addCookie } from '../web/response.js';
import type { ResolvedRedirectOptions } from './options.js';
import { type RedirectRequest, readCookies } from './request.js';
import { TRANSACTION_LIFETIME_MS, type Transaction, isCurrent } from './transaction.js';

/** Stores the transactions of a browser. Only the browser that began a transaction can take it. */
export interface TransactionStore {
  /** @throws ConfigurationError if the transaction cannot be stored. */
  save(req: RedirectRequest, transaction: Transaction): Promise<void>;
  /** Returns and removes the transaction with this state. `undefined`: this browser has no such transaction. */
  take(req: RedirectRequest, state: string): Promise<Transaction | undefined>;
}

/** Maximum number of sign-ins that a browser has begun and not ended. Further sign-ins replace the oldest one. */
const MAX_TRANSACTIONS = 5;

/** Creates the store: cookies if the option `cookieSecret` is set, otherwise the application's session. */
export function createTransactionStore(options: ResolvedRedirectOptions, appId: string, now: () => number) {
  const { cookieSecrets, callbackUrl } = options;
  return cookieSecrets === undefined
    ? new SessionStore(appId, now)
    : new CookieStore(cookieSecrets, { appId, isSecure: new URL(callbackUrl).protocol === 'https:' }, now);
}

class SessionStore implements TransactionStore {
  /** The transactions of several apps of one process must not be mixed up. */
  readonly #name: string;
  readonly #now: () => number;

  constructor(appId: string, now: () => number) {
    this.#name = `passport-genauth:redirect:${appId}`;
    this.#now = now;
  }

  async save({ session }: RedirectRequest, transaction: Transaction): Promise<void> {
    if (!isRecord(session)) {
      const [option, problem] = ['cookieSecret', 'is not set, and the request has no session'];
      const fix = 'write cookieSecret: process.env.COOKIE_SECRET, or use express-session before this route';
      throw new ConfigurationError('invalid_options', `The option ${option} ${problem}: ${fix}.`, {
        details: { mistakes: [{ option, problem, fix }] },
      });
    }
    session[this.#name] = [...readList(session, this.#name), transaction].slice(-MAX_TRANSACTIONS);
  }

  async take({ session }: RedirectRequest, state: string): Promise<Transaction | undefined> {
    if (!isRecord(session)) return undefined;
    const list = readList(session, this.#name);
    const found = list.find((each) => each.state === state);
    if (found === undefined) return undefined;
    session[this.#name] = list.filter((each) => each !== found);
    return isCurrent(found, this.#now()) ? found : undefined;
  }
}

function readList(session: Record<string, unknown>, name: string): Transaction[] {
  // The session of @fastify/secure-session has no own properties.
  const list = session[name];
  return Array.isArray(list) ? list.filter(isTransaction) : [];
}

function isTransaction(value: unknown): value is Transaction {
  if (!isRecord(value)) return false;
  const texts = ['state', 'nonce', 'codeVerifier', 'returnTo'];
  return texts.every((name) => typeof getOwn(value, name) === 'string') && typeof value['startedAt'] === 'number';
}

/** Stores each transaction in an encrypted cookie of its own, so that a server needs no memory for it. */
class CookieStore implements TransactionStore {
  readonly #box: SealedBox;
  readonly #isSecure: boolean;
  readonly #now: () => number;

  constructor(secrets: readonly string[], settings: { appId: string; isSecure: boolean }, now: () => number) {
    this.#box = new SealedBox(secrets, 'passport-genauth redirect', settings.appId);
    this.#isSecure = settings.isSecure;
    this.#now = now;
  }

  async save(req: RedirectRequest, transaction: Transaction): Promise<void> {
    const prefix = this.#toName('');
    const names = [...readCookies(req).keys()].filter((name) => name.startsWith(prefix));
    // A browser sends the oldest cookie first (RFC 6265 §5.4).
    for (const name of names.slice(0, Math.max(0, names.length + 1 - MAX_TRANSACTIONS)))
      this.#setCookie(req, name, '', 0);
    const value = await this.#box.seal(transaction);
    this.#setCookie(req, this.#toName(transaction.state), value, TRANSACTION_LIFETIME_MS / 1000);
  }

  async take(req: RedirectRequest, state: string): Promise<Transaction | undefined> {
    const name = this.#toName(state);
    const value = readCookies(req).get(name);
    if (value === undefined) return undefined;
    const transaction = await this.#box.open(value);
    if (!isTransaction(transaction) || transaction.state !== state) return undefined;
    this.#setCookie(req, name, '', 0);
    return isCurrent(transaction, this.#now()) ? transaction : undefined;
  }

  /** Returns the name of the cookie of a transaction. Each transaction has its own, because a user can use two tabs. */
  #toName(state: string): string {
    return `${this.#isSecure ? '__Host-' : ''}genauth-sign-in.${state.slice(0, 8)}`;
  }

  /** Sets a cookie that scripts cannot read, and that the browser sends with the redirect from GenAuth's page. */
  #setCookie(req: RedirectRequest, name: string, value: string, maxAge: number): void {
    const secure = this.#isSecure ? '; Secure' : '';
    const cookie = `${name}=${value}; Path=/; Max-Age=${maxAge}; HttpOnly; SameSite=Lax${secure}`;
    if (addCookie(req, cookie)) return;
    const message =
      'The request has no response, so no cookie can be set: use this strategy with Express, or in a Nest ' +
      'application that imports GenAuthModule.';
    throw new ConfigurationError('invalid_options', message);
  }
}
