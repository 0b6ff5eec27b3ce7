import { Logger, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import passport from 'passport';
import type { GenAuthClient } from '../core/client.js';
import { GenAuthError, buildOptionError } from '../core/errors.js';
import type { ResolvedOptions } from '../core/options/types.js';
import { refuseSecondGlobalGuard } from './global-guards.js';
import { registerAuthGuards } from './guard-registry.js';
import { trackReplies } from './response-headers.js';

/** The clients of each Nest application, by the option `name`. */
const applications = new WeakMap<HttpAdapterHost, Map<string, GenAuthClient<string>>>();

/**
 * Returns the options for an error whose client is not known: the options of the client if the Nest application has
 * only one, otherwise the defaults.
 */
export function getOnlyOptions(host: HttpAdapterHost): Pick<ResolvedOptions, 'language' | 'exposeReasons'> {
  const [only, ...others] = applications.get(host)?.values() ?? [];
  return only !== undefined && others.length === 0 ? only.options : { language: undefined, exposeReasons: false };
}

/** Prepares a client when the Nest application starts, and closes it when the Nest application stops. */
export class GenAuthLifecycle implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('GenAuth');
  private warmingUp: Promise<void> = Promise.resolve();

  constructor(
    private readonly client: GenAuthClient<string>,
    private readonly adapterHost: HttpAdapterHost,
    private readonly config: ApplicationConfig,
    // Not typed as `passport.Strategy`, because an application need not install @types/passport.
    private readonly strategies: readonly object[],
  ) {}

  /**
   * Registers the strategies with Passport.
   *
   * @throws ConfigurationError if two different applications have the same name, because a login could reach either of
   * them, or if two `GenAuthGuard`s are global.
   */
  onModuleInit(): void {
    this.expectUniqueName();
    refuseSecondGlobalGuard(this.config);
    trackReplies(this.adapterHost);
    for (const strategy of this.strategies) passport.use(strategy as passport.Strategy);
    registerAuthGuards(this.client.options.name);
  }

  /** Fetches the keys. The start does not wait for them, and does not fail if GenAuth is down. */
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
   * Closes the connections. Nest calls this hook after the HTTP server has answered its pending requests.
   * `onModuleDestroy` would run before that and break pending logins.
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
