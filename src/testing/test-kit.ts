import { randomBytes } from 'node:crypto';
import type { GenAuthOptions } from '../core/options/types.js';
import { resolveOptions } from '../core/options/resolve-options.js';
import { refuseProduction } from '../emulator/environment.js';
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

/**
 * The options of {@link GenAuthTestKit.start}: the users who can sign in through the login routes of the application.
 */
export interface GenAuthTestKitOptions {
  /** The users with a password. Default: `alice` (role `admin`) and `bob`, both with the password `passw0rd`. */
  users?: readonly EmulatorUser[] | undefined;
  /** The Active Directory accounts. Default: `zhangsan` with the password `AdPassw0rd`. */
  adAccounts?: readonly EmulatorAdAccount[] | undefined;
  /** A further value of `NODE_ENV` with which the test kit starts, but never `production`. Default: none. */
  allowNodeEnv?: string | undefined;
}

/**
 * Tests an application with its real guards, client and token verification. The test kit runs an emulator of GenAuth in
 * the process of the test. It has the emulator's signing keys, so a test can create any valid or invalid token.
 *
 * Use one test kit for each application. Several test kits in one process are independent of each other. The test kit
 * works with every test framework.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { GenAuthClient, requireAuth } from 'passport-genauth';
 * import { GenAuthTestKit } from 'passport-genauth/testing';
 *
 * const genauth = await GenAuthTestKit.start();
 * const client = new GenAuthClient(genauth.redirect({ scope: ['openid', 'roles'] }));
 * const app = express();
 * app.get('/admin', requireAuth(client, { roles: ['admin'] }), (_req, res) => void res.send('ok'));
 *
 * const { status } = await genauth.as(app, { roles: ['admin'] }).get('/admin'); // 200
 * await genauth.assertProtected(app);
 * client.close();
 * await genauth.stop();
 * ```
 */
export class GenAuthTestKit {
  /**
   * Creates valid and invalid access tokens. They are for the application whose options were passed to the last call of
   * {@link redirect}.
   */
  readonly mint: TokenMint;
  readonly #state: EmulatorState;
  readonly #listener: Listener;
  #options: TokenOptions | undefined;

  private constructor(state: EmulatorState, listener: Listener, mint: (getOptions: () => TokenOptions) => TokenMint) {
    this.#state = state;
    this.#listener = listener;
    this.mint = mint(() => this.#getOptions());
  }

  /**
   * Starts a test kit on a free port of `127.0.0.1`. A test kit that is not stopped does not keep the process alive.
   *
   * @throws EmulatorError with the code `production_refused` if `NODE_ENV` is `production`, or a value other than
   * `development`, `test`, `ci` and the option `allowNodeEnv`.
   * @throws EmulatorError with the code `invalid_input` if a user or an AD account is wrong.
   * @throws EmulatorError with the code `express_missing` if the package `express` is not installed.
   */
  static async start({ users, adAccounts, allowNodeEnv }: GenAuthTestKitOptions = {}): Promise<GenAuthTestKit> {
    refuseProduction('test kit', 'it creates tokens for any user', allowNodeEnv);
    const state = new EmulatorState({ users, adAccounts, appSecret: randomBytes(24).toString('hex') });
    const [foreignKey] = await Promise.all([createSigningKey(), state.createKeys()]);
    const listener = await listen(state);
    listener.unref();
    state.origin = buildOrigin(state.config, listener.port);
    return new GenAuthTestKit(state, listener, (getOptions) => new TokenMint(state, foreignKey, getOptions));
  }

  /**
   * Returns a copy of the application's options with which the application connects to this test kit instead of
   * GenAuth.
   *
   * The copy has new values of `appId`, `appSecret`, `appHost`, `tokenEndpointAuthMethod` and
   * `idTokenSignedResponseAlg`. It has no `issuer` and no `jwksUri`. All other options are kept. The given options need
   * not contain the replaced options, for example if the test has no environment variables for them.
   *
   * @param options The options of the application. Default: none.
   * @throws ConfigurationError if an option is wrong.
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
   * Returns an agent that sends requests to an application as one user. The application itself need not listen.
   *
   * @param app A Nest application (on Express or Fastify), an Express or Fastify application, or a Node HTTP server.
   * @param who The claims of the user, or an access token, or `null` to send no token. Default: a user without claims,
   * whose access token has all scopes of the application's options.
   * @throws EmulatorError with the code `not_started` if `who` is neither an access token nor `null`, and no
   * application is connected to the test kit.
   * @throws EmulatorError with the code `invalid_input` if a claim is wrong, or if the scopes of the access token do
   * not include the claim.
   */
  readonly as = (app: object, who: TestClaims | string | null = {}): TestAgent => {
    const token = typeof who === 'string' ? who : who === null ? undefined : this.mint.valid(who);
    return createAgent(app, token);
  };

  /**
   * Sends requests to every route of an application without a token, with an expired token and with a forged token.
   * Checks that passport-genauth refuses every request with the HTTP status 401 or 403. If a route has no guard, its
   * handler runs with all its side effects. Routes of a Nest application are requested once for each version and host.
   * The routes of a Swagger page need not be listed. The error also lists what the check at the start of a Nest
   * application finds.
   *
   * @param app A Nest application (on Express or Fastify), or an Express or Fastify application.
   * @param options The public routes, the path parameters and the headers. Default: none.
   * @throws ProtectionError if a route is not guarded, or if an entry of `except` is wrong. The message lists all these
   * mistakes.
   * @throws EmulatorError with the code `not_started` if no application is connected to the test kit (see
   * {@link redirect}).
   */
  readonly assertProtected = async (app: object, options?: ProtectionOptions): Promise<void> => {
    const attempts = [
      ['without a token', undefined],
      ['with an expired token', this.mint.expired()],
      ['with a forged token', this.mint.forged()],
    ] as const;
    await checkProtection(app, attempts, options);
  };

  /**
   * Adds a fault to the emulated GenAuth, for example `genauth.fault({ endpoint: 'jwks', status: 503 })`. The
   * properties are the same as those of `GenAuthEmulator.fault`.
   *
   * @throws EmulatorError with the code `invalid_input` if a property is wrong.
   */
  fault(fault: EmulatorFault): void {
    this.#state.addFault(fault);
  }

  /** Removes all faults that {@link fault} added. */
  clearFaults(): void {
    this.#state.clearFaults();
  }

  /** Stops the emulated GenAuth and closes all its connections. */
  async stop(): Promise<void> {
    await this.#listener.close();
  }

  /** Calls {@link stop} when a variable of `await using` goes out of scope. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  #getOptions(): TokenOptions {
    if (this.#options !== undefined) return this.#options;
    const message =
      'No application is connected to this test kit. Create the application with genauth.redirect(options), or in ' +
      'Nest with GenAuthTestingModule.override(builder, genauth). Otherwise it connects to the real GenAuth.';
    throw new EmulatorError('not_started', message);
  }
}
