import { randomBytes } from 'node:crypto';
import type { GenAuthOptions } from '../core/options/types.js';
import { resolveOptions } from '../core/options/resolve-options.js';
import { EmulatorError } from '../emulator/errors.js';
import type { EmulatorFault } from '../emulator/state/faults.js';
import { createSigningKey } from '../emulator/tokens/signing-keys.js';
import { buildOrigin } from '../emulator/options.js';
import { type Listener, listen } from '../emulator/http/server.js';
import { EmulatorState } from '../emulator/state/state.js';
import type { EmulatorAdAccount, EmulatorUser } from '../emulator/users/user-store.js';
import { type TestAgent, createAgent } from './agent.js';
import type { TestClaims } from './token-claims.js';
import { type TokenOptions, TokenMint } from './token-mint.js';
import { type ProtectionOptions, checkProtection } from './protection.js';

/** Who can sign in with a password, where login routes are tested. */
export interface GenAuthTestKitOptions {
  /** Default: alice (role `admin`) and bob, both with the password `passw0rd`. */
  users?: readonly EmulatorUser[] | undefined;
  /** Default: zhangsan, with the password `AdPassw0rd`. */
  adAccounts?: readonly EmulatorAdAccount[] | undefined;
}

/**
 * Tests an application with its guards on: GenAuth is in the test's own process and has keys of its own, so the test can make any
 * token it likes. Guards, client and verification are the application's own, and are not told that this is a test.
 *
 * ```ts
 * const genauth = await GenAuthTestKit.start();
 * const app = makeApp(genauth.redirect(options));
 * const { status } = await genauth.as(app, { roles: ['admin'] }).get('/admin');
 * await genauth.assertProtected(app, { except: ['/health'] });
 * await genauth.stop();
 * ```
 *
 * One kit is for one application; several kits in one process know nothing of each other. It needs no test framework.
 */
export class GenAuthTestKit {
  /** Makes tokens, right and wrong ones, for the application that was redirected last. */
  readonly mint: TokenMint;
  readonly #state: EmulatorState;
  readonly #listener: Listener;
  #options: TokenOptions | undefined;

  private constructor(state: EmulatorState, listener: Listener, mint: (getOptions: () => TokenOptions) => TokenMint) {
    this.#state = state;
    this.#listener = listener;
    this.mint = mint(() => this.#getOptions());
  }

  /** @throws EmulatorError `production_refused`, `invalid_input`, `express_missing` */
  static async start({ users, adAccounts }: GenAuthTestKitOptions = {}): Promise<GenAuthTestKit> {
    if (process.env['NODE_ENV'] === 'production') {
      const message = 'The GenAuth test kit does not start with NODE_ENV=production: it makes tokens for anybody.';
      throw new EmulatorError('production_refused', message);
    }
    const state = new EmulatorState({ users, adAccounts, appSecret: randomBytes(24).toString('hex') });
    const [stranger] = await Promise.all([createSigningKey(), state.createKeys()]);
    const listener = await listen(state);
    state.origin = buildOrigin(state.config.host, listener.port);
    return new GenAuthTestKit(state, listener, (getOptions) => new TokenMint(state, stranger, getOptions));
  }

  /**
   * An application's own options with this kit in GenAuth's place: another address and other keys, everything else as it was. What
   * the application would need of the environment to reach its tenant may be missing.
   *
   * @throws ConfigurationError for options that are wrong
   */
  redirect<const S extends string>(options: Partial<GenAuthOptions<S>> = {}): GenAuthOptions<S> {
    const { appId, appSecret, idTokenSignedResponseAlg } = this.#state.config;
    const redirected: GenAuthOptions<S> = {
      ...options,
      appId,
      appSecret,
      appHost: this.#state.url,
      tokenEndpointAuthMethod: 'client_secret_post',
      idTokenSignedResponseAlg,
      issuer: undefined,
      jwksUri: undefined,
    };
    this.#options = resolveOptions(redirected as GenAuthOptions);
    return redirected;
  }

  /**
   * Sends requests to an application: of Nest (on Express or Fastify), Express or Fastify, or an HTTP server. Nothing need listen.
   *
   * @param who - A person by their claims, a token, or `null` for nobody. Default: somebody with all scopes of the application.
   */
  readonly as = (app: object, who: TestClaims | string | null = {}): TestAgent => {
    const token = typeof who === 'string' ? who : who === null ? undefined : this.mint.valid(who);
    return createAgent(app, token);
  };

  /**
   * Calls every route of an application of Nest, Express or Fastify without a token, with an expired and with a forged one. What is
   * open is really called, with all that it does.
   *
   * @throws AssertionError that lists the routes that are open
   */
  readonly assertProtected = async (app: object, options?: ProtectionOptions): Promise<void> => {
    const attempts = [
      ['without a token', undefined],
      ['with an expired token', this.mint.expired()],
      ['with a forged token', this.mint.forged()],
    ] as const;
    await checkProtection(app, attempts, options);
  };

  /** Makes trouble at GenAuth: `genauth.fault({ endpoint: 'jwks', status: 503 })`. As `GenAuthEmulator` does it. */
  fault(fault: EmulatorFault): void {
    this.#state.addFault(fault);
  }

  /** Ends what {@link fault} began. */
  clearFaults(): void {
    this.#state.clearFaults();
  }

  /** Ends everything, and leaves nothing open. */
  async stop(): Promise<void> {
    await this.#listener.close();
  }

  /** {@link stop}, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #getOptions(): TokenOptions {
    if (this.#options !== undefined) return this.#options;
    const message =
      'No application was redirected to this test kit: make it with genauth.redirect(options), or in Nest with ' +
      'GenAuthTestingModule.override(builder, genauth). Otherwise it asks the real GenAuth.';
    throw new EmulatorError('not_started', message);
  }
}
