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

const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<GenAuthOptions>({
  optionsInjectionToken: OPTIONS_TOKEN,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createGenAuthOptions')
  .setExtras<{ name?: string | undefined }>({ name: DEFAULT_NAME }, (definition, { name = DEFAULT_NAME }) => {
    const providers = buildProviders(name);
    return {
      ...definition,
      // Nest creates a guard in the module of the controller that uses it, and the guard needs the client there.
      global: true,
      providers: [...(definition.providers ?? []), ...providers, ERROR_FILTER],
      exports: providers.map((provider) => ('provide' in provider ? provider.provide : provider)),
    };
  })
  .build();

/** The interface of a class for `useClass` and `useExisting` of `GenAuthModule.forRootAsync`. */
export interface GenAuthOptionsFactory {
  createGenAuthOptions(): GenAuthOptions | Promise<GenAuthOptions>;
}

/**
 * `GenAuthModule.forRoot(options)`, or `GenAuthModule.forRootAsync({ imports, inject, useFactory | useClass |
 * useExisting })`. One import is enough. The module creates the client, registers the three strategies with Passport,
 * fetches the keys when the application starts, and closes the connections when it stops. If GenAuth cannot be reached,
 * the application starts all the same.
 *
 * For a second application in the same process give each import after the first a `name`. `forRootAsync` takes `name`
 * beside `useFactory`.
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
      useFactory: (made: GenAuthClient<string>) => new Strategy(made),
    })),
    {
      provide: buildToken(name, 'lifecycle'),
      inject: [client, HttpAdapterHost, ApplicationConfig, ...strategies.map(({ provide }) => provide)],
      useFactory: (
        made: GenAuthClient<string>,
        host: HttpAdapterHost,
        config: ApplicationConfig,
        ...registered: passport.Strategy[]
      ) => new GenAuthLifecycle(made, host, config, registered),
    },
    GenAuthGuard.named(name),
    GenAuthPasswordGuard.named(name),
    GenAuthAdGuard.named(name),
  ];
}

/** Nest registers an `APP_FILTER` globally, so the module does not export it. */
const ERROR_FILTER: Provider = {
  provide: APP_FILTER,
  inject: [HttpAdapterHost],
  useFactory: (host: HttpAdapterHost) => new GenAuthErrorFilter(host, () => getOnlyOptions(host)),
};

/** The injection tokens hold the module's name, so the options may repeat that name but not have another. */
function withName(options: GenAuthOptions, name: string): GenAuthOptions {
  if (options.name === undefined || options.name === name) return { ...options, name };
  const problem = `is '${options.name}' in the options and '${name}' in the module`;
  throw buildOptionError({ option: 'name', problem, fix: `write forRootAsync({ name: '${options.name}', … })` });
}
