import { Logger, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import passport from 'passport';
import type { GenAuthClient } from '../core/client.js';
import { GenAuthError, buildOptionError } from '../core/errors.js';
import type { ResolvedOptions } from '../core/options/types.js';
import { refuseSecondGlobalGuard } from './global-guards.js';
import { registerAuthGuards } from './guard-registry.js';
import { trackReplies } from './response-headers.js';

/** The clients of each Nest application, by the client's option `name`. */
const applications = new WeakMap<HttpAdapterHost, Map<string, GenAuthClient<string>>>();

/**
 * Returns the options for the response to an error of an unknown client. If the Nest application has exactly one
 * client, these are the options of this client. Otherwise they are the defaults.
 */
export function getOnlyOptions(host: HttpAdapterHost): Pick<ResolvedOptions, 'language' | 'exposeReasons'> {
  const [only, ...others] = applications.get(host)?.values() ?? [];
  return only !== undefined && others.length === 0 ? only.options : { language: undefined, exposeReasons: false };
}

/** Prepares a client when the Nest application starts, and closes the client when the Nest application stops. */
export class GenAuthLifecycle implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('GenAuth');
  private warmingUp: Promise<void> = Promise.resolve();

  constructor(
    private readonly client: GenAuthClient<string>,
    private readonly adapterHost: HttpAdapterHost,
    private readonly config: ApplicationConfig,
    // The type is not `passport.Strategy`, because some applications do not install @types/passport.
    private readonly strategies: readonly object[],
  ) {}

  /**
   * Registers the strategies with Passport, and checks the client's name and the global guards.
   *
   * @throws ConfigurationError if two different GenAuth applications have the same name, or if two `GenAuthGuard`s are
   * global. With the same name, Passport could use the strategy of the wrong GenAuth application.
   */
  onModuleInit(): void {
    this.expectUniqueName();
    refuseSecondGlobalGuard(this.config);
    trackReplies(this.adapterHost);
    for (const strategy of this.strategies) passport.use(strategy as passport.Strategy);
    registerAuthGuards(this.client.options.name);
  }

  /**
   * Fetches the keys for the verification of tokens. The start of the Nest application does not wait for the keys, and
   * does not fail if GenAuth is down.
   */
  onApplicationBootstrap(): void {
    this.warmingUp = this.client.warmUp().catch((error: unknown) => {
      const reason = error instanceof GenAuthError ? `${error.code}: ${error.message}` : String(error);
      this.logger.warn(
        'The keys could not be fetched at the start. ' +
          `The client fetches them again at the first request that needs them. ${reason}`,
      );
    });
  }

  /**
   * Closes the connections to GenAuth. Nest calls this hook after the HTTP server has answered its pending requests.
   * The hook `onModuleDestroy` would run before the server has answered them, so pending logins would fail.
   */
  async onApplicationShutdown(): Promise<void> {
    this.client.close();
    await this.warmingUp;
  }

  private expectUniqueName(): void {
    const { name, appId, appHost } = this.client.options;
    const known = applications.get(this.adapterHost) ?? new Map<string, GenAuthClient<string>>();
    applications.set(this.adapterHost, known);
    const other = known.get(name)?.options;
    if (other !== undefined && (other.appId !== appId || other.appHost !== appHost)) {
      const apps = `the apps '${other.appId}' of ${other.appHost} and '${appId}' of ${appHost}`;
      const fix = "give the second app another name, GenAuthModule.forRoot({ …, name: 'staff' })";
      throw buildOptionError(
        { option: 'name', problem: `is '${name}' for ${apps}`, fix },
        `GenAuthModule is imported for ${apps} with the same name '${name}': ${fix}.`,
      );
    }
    known.set(name, this.client);
  }
}
