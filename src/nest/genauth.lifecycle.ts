import { Logger, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { ApplicationConfig, DiscoveryService, HttpAdapterHost } from '@nestjs/core';
import { AuthModuleOptions } from '@nestjs/passport';
import { type ConfigurationError, GenAuthError, buildOptionError } from '../core/errors.js';
import { buildToken } from '../injection-tokens.js';
import { answerByException } from './answer-by-exception.js';
import { GenAuthStrategy } from '../passport/genauth.strategy.js';
import {
  type AnyStrategy,
  type Application,
  type ModuleParts,
  closeApplication,
  getApplication,
  isOfModule,
  openApplication,
  registerStrategy,
} from './applications.js';
import { listGlobalGuards } from './global-guards.js';
import { prepareAuthGuard, registerAuthGuards } from './guard-registry.js';
import { listHandlers } from './handlers.js';
import { trackReplies } from './response-headers.js';
import { type StartupFindings, buildStartupError, findStartupMistakes, readStartupCheck } from './startup-check.js';

/** Prepares a client when the Nest application starts, and closes the client when the Nest application stops. */
export class GenAuthLifecycle implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('GenAuth');
  private warmingUp: Promise<void> = Promise.resolve();
  private readonly application: Application;

  constructor(
    private readonly parts: ModuleParts,
    private readonly adapterHost: HttpAdapterHost,
    private readonly config: ApplicationConfig,
    private readonly discovery: DiscoveryService,
  ) {
    this.application = getApplication(adapterHost);
  }

  /**
   * Registers the strategies with Passport. A provider of the application that extends a strategy of passport-genauth
   * replaces the strategy of the same name.
   *
   * @throws ConfigurationError if two different GenAuth applications have the same name, or if a strategy of another
   * package has the name of a strategy of passport-genauth.
   */
  onModuleInit(): void {
    const { client } = this.parts;
    openApplication(this.adapterHost, client);
    trackReplies(this.adapterHost);
    const providers = this.discovery.getProviders();
    const redirect = providers.filter(({ token }) => token === buildToken(client.options.name, 'redirect'));
    if (redirect.length > 1) throw buildTwiceError(client.options.name);
    const strategies = [...this.parts.strategies, ...redirect.map(({ instance }) => instance as AnyStrategy)];
    this.parts.strategies = strategies;
    const candidates = providers
      .map(({ instance }): unknown => instance)
      .filter((each): each is AnyStrategy => each instanceof GenAuthStrategy && !isOfModule(each));
    for (const strategy of [...strategies, ...candidates]) strategy.act = answerByException;
    for (const strategy of strategies) registerStrategy(this.application, strategy, candidates);
    for (const { token, instance } of providers) {
      if (token === AuthModuleOptions) addPassportOptions(this.application, instance as AuthModuleOptions);
    }
    registerAuthGuards(client.options.name);
    this.application.modules.push(this.parts);
  }

  /**
   * Checks once for each Nest application that everything is guarded that its author believes to be guarded. Then
   * fetches the keys for the verification of tokens, if the Nest application has an HTTP server. The start of the Nest
   * application does not wait for the keys, and does not fail if GenAuth is down.
   *
   * @throws ConfigurationError if the check finds mistakes, unless `startupCheck` is `'warn'`.
   */
  onApplicationBootstrap(): void {
    if (this.application.modules[0] === this.parts) {
      this.prepareAuthGuards();
      this.checkStartup();
    }
    // A command or a script serves no requests, so its end must not wait for the keys. A microservice fetches them with
    // its first message, because Nest does not show whether there will be messages.
    if (!this.adapterHost.httpAdapter) return;
    const { client } = this.parts;
    const warmUp = async (): Promise<void> => client.warmUp();
    this.warmingUp = warmUp().catch((error: unknown) => {
      // The Nest application was closed before the keys arrived.
      if (client.isClosed) return;
      const reason = error instanceof GenAuthError ? `${error.code}: ${error.message}` : String(error);
      this.logger.warn(
        'The keys could not be fetched at the start. ' +
          `The client fetches them again at the first request that needs them. ${reason}`,
      );
    });
  }

  /** Returns what the check at the start finds, without logging and without throwing. */
  listFindings(): StartupFindings {
    return findStartupMistakes(this.application, this.adapterHost, this.config, this.discovery);
  }

  /**
   * Closes the connections to GenAuth. Nest calls this hook after the HTTP server has answered its pending requests.
   * The hook `onModuleDestroy` would run before the server has answered them, so pending logins would fail.
   */
  async onApplicationShutdown(): Promise<void> {
    closeApplication(this.application);
    await this.parts.client.close();
    await this.warmingUp;
  }

  private prepareAuthGuards(): void {
    const levels = listHandlers(this.discovery, []).flatMap((handler) => handler.levels);
    const guards = [...listGlobalGuards(this.config), ...levels.flatMap((level) => level.guards)];
    const strategies = [...this.application.strategies.keys()];
    for (const guard of guards) prepareAuthGuard(guard, strategies);
  }

  private checkStartup(): void {
    const { mistakes, warnings } = this.listFindings();
    for (const warning of warnings) this.logger.warn(warning);
    if (mistakes.length === 0) return;
    const error = buildStartupError(mistakes);
    if (readStartupCheck(this.application).mode === 'refuse') {
      closeApplication(this.application);
      throw error;
    }
    this.logger.warn(error.message);
  }
}

function buildTwiceError(name: string): ConfigurationError {
  const problem = `is imported several times with the name '${name}'`;
  return buildOptionError({ option: 'GenAuthRedirectModule', problem, fix: 'import it once, because it is global' });
}

function addPassportOptions(application: Application, { defaultStrategy, property }: AuthModuleOptions): void {
  if (defaultStrategy !== undefined) application.defaultStrategies.add(String(defaultStrategy));
  if (property !== undefined) application.userProperties.add(property);
}
