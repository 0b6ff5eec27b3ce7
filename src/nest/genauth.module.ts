import { ConfigurableModuleBuilder, Module, type Provider } from '@nestjs/common';
import { APP_FILTER, ApplicationConfig, HttpAdapterHost } from '@nestjs/core';
import type passport from 'passport';
import { GenAuthClient } from '../core/client.js';
import { buildOptionError } from '../core/errors.js';
import type { GenAuthOptions } from '../core/options/types.js';
import { OPTIONS_TOKEN, buildToken } from '../injection-tokens.js';
import { GenAuthErrorFilter } from './genauth.filter.js';
import { GenAuthGuard } from './genauth.guard.js';
import { GenAuthLifecycle, getOnlyOptions } from './genauth.lifecycle.js';
import { AdStrategyForNest, BearerStrategyForNest, PasswordStrategyForNest } from './genauth.strategies.js';
import { DEFAULT_NAME } from '../core/options/option-checker.js';
import { getProviderToken } from './genauth.providers.js';
import { GenAuthAdGuard, GenAuthPasswordGuard } from './sign-in.guards.js';

/** The base class with `forRoot` and `forRootAsync`. It creates the providers of one GenAuth application. */
const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<GenAuthOptions>({
  optionsInjectionToken: OPTIONS_TOKEN,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createGenAuthOptions')
  .setExtras<{ name?: string | undefined }>({ name: DEFAULT_NAME }, (definition, { name = DEFAULT_NAME }) => {
    const providers = buildProviders(name);
    return {
      ...definition,
      // The module is global, because Nest creates a guard in the module of the controller that uses the guard. Nest
      // must find the client in that module.
      global: true,
      providers: [...(definition.providers ?? []), ...providers, ERROR_FILTER],
      exports: providers.map((provider) => ('provide' in provider ? provider.provide : provider)),
    };
  })
  .build();

/** The interface of a class for `useClass` or `useExisting` of `GenAuthModule.forRootAsync`. */
export interface GenAuthOptionsFactory {
  /**
   * Returns the options of the client, or a promise of the options. Nest calls this method once, when the application
   * starts.
   */
  createGenAuthOptions(): GenAuthOptions | Promise<GenAuthOptions>;
}

/**
 * The Nest module. Import it once with `GenAuthModule.forRoot(options)`, or with
 * `GenAuthModule.forRootAsync({ imports, inject, useFactory | useClass | useExisting })`. The module is global, so
 * other modules need not import it.
 *
 * The module creates the `GenAuthClient` and registers the three strategies with Passport. When the Nest application
 * starts, it fetches the keys for the verification of tokens. When the Nest application stops, it closes the
 * connections to GenAuth. If GenAuth is down, the Nest application still starts.
 *
 * If a process uses several GenAuth applications, import the module once for each GenAuth application. Give every
 * import after the first a different `name`. With `forRootAsync` write `name` next to `useFactory`.
 *
 * `forRoot` throws no error. The start of the Nest application fails with a `ConfigurationError` if an option is wrong,
 * if two GenAuth applications have the same name, or if two `GenAuthGuard`s are global.
 *
 * @example
 * ```ts
 * import { Module } from '@nestjs/common';
 * import { GenAuthModule } from 'passport-genauth/nest';
 *
 * @Module({
 *   imports: [
 *     GenAuthModule.forRoot({
 *       appId: '65f0c1d2e3a4b5c6d7e8f901',
 *       appSecret: '0123456789abcdef0123456789abcdef',
 *       appHost: 'https://example.genauth.ai',
 *     }),
 *   ],
 * })
 * export class AppModule {}
 * ```
 */
@Module({})
export class GenAuthModule extends ConfigurableModuleClass {}

function buildProviders(name: string): Provider[] {
  const client = getProviderToken('client', name);
  const strategies = [
    { provide: getProviderToken('password', name), Strategy: PasswordStrategyForNest },
    { provide: getProviderToken('ad', name), Strategy: AdStrategyForNest },
    { provide: getProviderToken('bearer', name), Strategy: BearerStrategyForNest },
  ];
  return [
    {
      provide: client,
      inject: [OPTIONS_TOKEN],
      useFactory: (options: GenAuthOptions) => new GenAuthClient(withName(options, name)),
    },
    ...strategies.map(({ provide, Strategy }) => ({
      provide,
      inject: [client],
      useFactory: (injected: GenAuthClient<string>) => new Strategy(injected),
    })),
    {
      provide: buildToken(name, 'lifecycle'),
      inject: [client, HttpAdapterHost, ApplicationConfig, ...strategies.map(({ provide }) => provide)],
      useFactory: (
        injected: GenAuthClient<string>,
        host: HttpAdapterHost,
        config: ApplicationConfig,
        ...registered: passport.Strategy[]
      ) => new GenAuthLifecycle(injected, host, config, registered),
    },
    GenAuthGuard.named(name),
    GenAuthPasswordGuard.named(name),
    GenAuthAdGuard.named(name),
  ];
}

/**
 * The provider of the global error filter. Nest registers each provider of `APP_FILTER` globally, so the module does
 * not export it.
 */
const ERROR_FILTER: Provider = {
  provide: APP_FILTER,
  inject: [HttpAdapterHost],
  useFactory: (host: HttpAdapterHost) => new GenAuthErrorFilter(host, () => getOnlyOptions(host)),
};

/**
 * Adds the `name` of the module to the options of the client.
 *
 * @throws ConfigurationError if the options have a different `name`. The injection tokens are already made from the
 * `name` of the module.
 */
function withName(options: GenAuthOptions, name: string): GenAuthOptions {
  if (options.name === undefined || options.name === name) return { ...options, name };
  const problem = `is '${options.name}' in the options and '${name}' in the module`;
  throw buildOptionError({ option: 'name', problem, fix: `write forRootAsync({ name: '${options.name}', … })` });
}
