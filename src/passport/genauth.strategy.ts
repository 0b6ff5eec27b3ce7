import CustomStrategy from 'passport-custom';
import { GenAuthClient } from '../core/client.js';
import { ConfigurationError } from '../core/errors.js';
import type { GenAuthOptions, GenAuthRequest } from '../core/options.js';
import { type Refusal, type Stage, toRefusal } from './outcome.js';

/** A strategy as Passport sees it; the three actions are what Passport puts on it for each request. */
interface PassportStrategy {
  name: string;
  authenticate(req: GenAuthRequest, options?: unknown): void;
  success(user: unknown, info?: unknown): void;
  fail(challenge: unknown, status: number): void;
  error(error: unknown): void;
}

// passport-custom's own types tie every user of this package to Express 5's, and its name to 'custom'.
type PassportStrategyConstructor = new (
  authenticate: (this: GenAuthStrategy<string, unknown, unknown>, req: GenAuthRequest) => void,
) => PassportStrategy;

/**
 * Maps a signed-in user to the application's own, as Passport's strategies do.
 *
 * @param done - `done(error)`, `done(null, user, info?)`, or `done(null, false, info?)` to let this person not in. Only the
 * first call counts. A promise that rejects is an error too.
 */
export type VerifyCallback<User = unknown, Info = unknown> = (
  req: GenAuthRequest,
  user: User,
  info: Info,
  done: (error: unknown, user?: object | false | null, info?: unknown) => void,
) => void | Promise<void>;

/** What became of one request. */
export type Attempt =
  | { kind: 'success'; user: unknown; info: unknown }
  /** The application's own `verify` said no. */
  | { kind: 'denied'; info: unknown }
  | { kind: 'refusal'; refusal: Refusal }
  /** An error of the application's own functions. */
  | { kind: 'error'; error: unknown };

/**
 * What the three strategies share: one attempt for each request, answered by exactly one of Passport's actions. No state of
 * a request is kept on the strategy, which serves all of them at once.
 */
export abstract class GenAuthStrategy<
  S extends string,
  User,
  Info,
> extends (CustomStrategy as unknown as PassportStrategyConstructor) {
  /** The client behind this strategy; strategies that are given one client share its keys and connections. */
  readonly client: GenAuthClient<S>;
  protected readonly verify: VerifyCallback | undefined;
  protected abstract readonly stage: Stage;

  constructor(
    name: string,
    optionsOrClient: GenAuthOptions<S> | GenAuthClient<S>,
    verify: VerifyCallback<User, Info> | undefined,
  ) {
    super(function authenticate(req) {
      // Here `this` is the object that Passport made for this one request. The attempt never rejects; what is thrown after it
      // comes from the application's own callback, and Node shall report it as it reports any such throw.
      void this.attempt(req).then((attempt) => this.act(attempt));
    });
    if (verify !== undefined && typeof verify !== 'function') {
      throw new ConfigurationError(
        'invalid_options',
        'verify is no function: write (req, user, info, done) => done(null, user).',
      );
    }
    this.name = name;
    this.client = optionsOrClient instanceof GenAuthClient ? optionsOrClient : new GenAuthClient(optionsOrClient);
    // Kept without its types, which only `identify` of the same strategy has to fit.
    this.verify = verify as VerifyCallback | undefined;
  }

  /** Who sent the request. Throws where that does not become clear. */
  protected abstract identify(req: GenAuthRequest): Promise<{ user: User; info: Info }>;

  /** Runs one request to its end without touching Passport; never rejects. */
  async attempt(req: GenAuthRequest): Promise<Attempt> {
    try {
      const { user, info } = await this.identify(req);
      if (this.verify === undefined) return { kind: 'success', user, info };
      return await callVerify(this.verify, req, user, info);
    } catch (error) {
      const refusal = toRefusal(error, this.stage);
      return refusal === undefined ? { kind: 'error', error } : { kind: 'refusal', refusal };
    }
  }

  /** Tells Passport. */
  protected act(attempt: Attempt): void {
    switch (attempt.kind) {
      case 'success':
        return this.success(attempt.user, attempt.info);
      case 'denied':
        return this.fail(attempt.info, 403);
      case 'error':
        return this.error(attempt.error);
      case 'refusal': {
        const { action, status, error, headers } = attempt.refusal;
        // Passport writes a challenge into the header only where it is a text.
        return action === 'error' ? this.error(error) : this.fail(headers['www-authenticate'] ?? error, status);
      }
    }
  }
}

function callVerify(verify: VerifyCallback, req: GenAuthRequest, user: unknown, info: unknown): Promise<Attempt> {
  return new Promise((resolve, reject) => {
    const returned = verify(req, user, info, (error, mapped, ownInfo) => {
      if (error !== undefined && error !== null) reject(error as Error);
      else if (mapped) resolve({ kind: 'success', user: mapped, info: ownInfo ?? info });
      else resolve({ kind: 'denied', info: ownInfo });
    });
    if (returned instanceof Promise) returned.catch(reject);
  });
}
