import { Logger, type OnApplicationBootstrap, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import type { ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import passport from 'passport';
import type { GenAuthClient } from '../core/client.js';
import { GenAuthError, buildOptionError } from '../core/errors.js';
import type { ResolvedOptions } from '../core/options/types.js';
import { refuseSecondGlobalGuard } from './global-guards.js';
import { registerAuthGuards } from './guard-registry.js';
import { trackReplies } from './response-headers.js';

/** The clients of each Nest application, by the name of their application. */
const applications = new WeakMap<HttpAdapterHost, Map<string, GenAuthClient<string>>>();

/** Returns the options for an error of no known application: those of the only client, or the defaults. */
export function getOnlyOptions(host: HttpAdapterHost): Pick<ResolvedOptions, 'language' | 'exposeReasons'> {
  const [only, ...others] = applications.get(host)?.values() ?? [];
  return only !== undefined && others.length === 0 ? only.options : { language: undefined, exposeReasons: false };
}

/** Starts and stops one application's client with the Nest application. */
export class GenAuthLifecycle implements OnModuleInit, OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger('GenAuth');
  private warmingUp: Promise<void> = Promise.resolve();

  constructor(
    private readonly client: GenAuthClient<string>,
    private readonly adapterHost: HttpAdapterHost,
    private readonly config: ApplicationConfig,
    // Not Passport's type, because applications need not install @types/passport.
    private readonly strategies: readonly object[],
  ) {}

  /**
   * @throws ConfigurationError if two different applications have one name, because a login could go to either, or if
   * two `GenAuthGuard`s are global.
   */
  onModuleInit(): void {
    this.expectOwnName();
    refuseSecondGlobalGuard(this.config);
    trackReplies(this.adapterHost);
    for (const strategy of this.strategies) passport.use(strategy as passport.Strategy);
    registerAuthGuards(this.client.options.name);
  }

  onApplicationBootstrap(): void {
    this.warmingUp = this.client.warmUp().catch((error: unknown) => {
      const reason = error instanceof GenAuthError ? `${error.code}: ${error.message}` : String(error);
      this.logger.warn(`The keys could not be fetched at the start, and will be when they are needed. ${reason}`);
    });
  }

  /** Runs after the server has answered the logins under way; `onModuleDestroy` would run before. */
  async onApplicationShutdown(): Promise<void> {
    this.client.close();
    await this.warmingUp;
  }

  private expectOwnName(): void {
    const { name, appId, appHost } = this.client.options;
    const known = applications.get(this.adapterHost) ?? new Map<string, GenAuthClient<string>>();
    applications.set(this.adapterHost, known);
    const other = known.get(name)?.options;
    if (other !== undefined && (other.appId !== appId || other.appHost !== appHost)) {
      const apps = `the apps '${other.appId}' of ${other.appHost} and '${appId}' of ${appHost}`;
      const fix = "give the second a name of its own, GenAuthModule.forRoot({ …, name: 'staff' })";
      throw buildOptionError(
        { option: 'name', problem: `is '${name}' for ${apps}`, fix },
        `GenAuthModule is imported for ${apps} under one name, '${name}': ${fix}.`,
      );
    }
    known.set(name, this.client);
  }
}
