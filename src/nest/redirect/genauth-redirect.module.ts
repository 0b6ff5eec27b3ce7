import {
  ConfigurableModuleBuilder,
  type INestApplicationContext,
  Inject,
  Logger,
  Module,
  type OnApplicationBootstrap,
  type Type,
} from '@nestjs/common';
import { DiscoveryModule, DiscoveryService, HttpAdapterHost, ModuleRef } from '@nestjs/core';
import type { GenAuthClient } from '../../core/client.js';
import { buildOptionError } from '../../core/errors.js';
import { DEFAULT_NAME } from '../../core/options/option-checker.js';
import { quote } from '../../core/util/quote.js';
import { buildToken } from '../../injection-tokens.js';
import { type RedirectOptions, toRoute } from '../../redirect/options.js';
import { GenAuthRedirectStrategy } from '../../redirect/redirect.strategy.js';
import type { GenAuthModuleOptions } from '../genauth.module.js';
import { addModuleStrategy } from '../applications.js';
import { findGuardRole } from '../guard-registry.js';
import { listGuards } from '../route-access.js';
import { getProviderToken } from '../genauth.providers.js';
import { GenAuthRedirectGuard } from './genauth-redirect.guard.js';

// oxlint-disable-next-line typescript/no-explicit-any -- A strategy of any scopes.
type AnyRedirectStrategy = GenAuthRedirectStrategy<any, any>;

const OPTIONS_TOKEN = 'passport-genauth:redirect-options';

/** The base class with `forRoot` and `forRootAsync`. It creates the strategy of one GenAuth application. */
const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<RedirectOptions>({
  optionsInjectionToken: OPTIONS_TOKEN,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createGenAuthRedirectOptions')
  .setExtras<{ name?: string | undefined }>({ name: DEFAULT_NAME }, (definition, { name = DEFAULT_NAME }) => {
    const strategy = {
      provide: buildToken(name, 'redirect'),
      inject: [
        { token: getProviderToken('client', name), optional: true },
        { token: buildToken(name, 'verify'), optional: true },
        OPTIONS_TOKEN,
      ],
      useFactory: (
        client: GenAuthClient<string> | undefined,
        verify: GenAuthModuleOptions['verify'],
        options: RedirectOptions,
      ) => {
        if (client === undefined) throw buildModuleError(name);
        const created = new GenAuthRedirectStrategy(client, options, verify);
        addModuleStrategy(created);
        return created;
      },
    };
    return {
      ...definition,
      // The module is global for the same reason as `GenAuthModule`.
      global: true,
      imports: [...(definition.imports ?? []), DiscoveryModule],
      providers: [...(definition.providers ?? []), strategy, GenAuthRedirectGuard.named(name)],
      exports: [strategy.provide],
    };
  })
  .build();

/**
 * The Nest module of the sign-in on GenAuth's hosted page. Import it once beside `GenAuthModule`, with
 * `GenAuthRedirectModule.forRoot(options)` or
 * `GenAuthRedirectModule.forRootAsync({ imports, inject, useFactory | useClass | useExisting })`. Write
 * `@UseGuards(GenAuthRedirectGuard)` on the two routes of the sign-in.
 *
 * The module registers the strategy `genauth-redirect` with Passport. The strategy uses the client of `GenAuthModule`
 * and calls its option `verify`. For a `GenAuthModule` with a `name`, write the same `name` here. With `forRootAsync`
 * write `name` next to `useFactory`.
 *
 * The start of the Nest application fails with a `ConfigurationError` if an option is wrong, or if there is no
 * `GenAuthModule` with this name.
 *
 * @example
 * ```ts
 * import { Module } from '@nestjs/common';
 * import { GenAuthModule } from 'passport-genauth/nest';
 * import { GenAuthRedirectModule } from 'passport-genauth/nest/redirect';
 *
 * @Module({
 *   imports: [
 *     GenAuthModule.forRoot({
 *       appId: '65f0c1d2e3a4b5c6d7e8f901',
 *       appSecret: '0123456789abcdef0123456789abcdef',
 *       appHost: 'https://example.genauth.ai',
 *     }),
 *     GenAuthRedirectModule.forRoot({
 *       callbackUrl: 'https://app.example.com/auth/genauth/callback',
 *       startPath: '/auth/genauth',
 *       cookieSecret: process.env['COOKIE_SECRET'] ?? '',
 *     }),
 *   ],
 * })
 * export class AppModule {}
 * ```
 */
@Module({})
export class GenAuthRedirectModule extends ConfigurableModuleClass implements OnApplicationBootstrap {
  constructor(@Inject(ModuleRef) private readonly moduleRef: ModuleRef) {
    super();
  }

  /** Warns if the paths of `callbackUrl` and `startPath` have no route with the guard. */
  async onApplicationBootstrap(): Promise<void> {
    const get = (token: Type | string): unknown => this.moduleRef.get(token, { strict: false });
    const strategies = listStrategies(get(DiscoveryService) as DiscoveryService);
    const { httpAdapter } = get(HttpAdapterHost) as Partial<HttpAdapterHost>;
    if (!httpAdapter) return;
    const { listRoutes } = await import('../openapi/routes.js');
    const routes = listRoutes({ get } as INestApplicationContext);
    for (const { client, flow } of strategies) {
      const guarded = routes.filter(({ handler, controller }) => hasGuard([handler, controller], client.options.name));
      const paths = [...new Set(guarded.map(({ path }) => path))];
      // The check at the start reports that no route has the guard.
      if (paths.length === 0) continue;
      for (const [option, path] of Object.entries(flow.paths)) {
        // A proxy in front of the application can remove the first part of the path.
        if (path === undefined || paths.some((each) => toRoute(path).endsWith(toRoute(each)))) continue;
        logger.warn(
          `${option} has the path ${path}, but no route with GenAuthRedirectGuard has this path. The routes with the ` +
            `guard are ${paths.join(', ')}: correct ${option}, or add the guard to its route.`,
        );
      }
    }
  }
}

const logger = new Logger('GenAuth');

/** Returns the strategies of GenAuth's hosted page that the application uses. */
function listStrategies(discovery: DiscoveryService): AnyRedirectStrategy[] {
  const instances = discovery.getProviders().map(({ instance }): unknown => instance);
  return instances.filter((each): each is AnyRedirectStrategy => each instanceof GenAuthRedirectStrategy);
}

function hasGuard(targets: readonly object[], name: string): boolean {
  const roles = targets.flatMap(listGuards).map((guard) => findGuardRole(guard));
  return roles.some((role) => role?.name === name && role.logins.includes('redirect'));
}

function buildModuleError(name: string): Error {
  const given = name === DEFAULT_NAME ? '' : ` with the name ${quote(name)}`;
  const fix = 'import GenAuthModule.forRoot(options) in the same application, and write the same name in both modules';
  return buildOptionError({ option: 'GenAuthRedirectModule', problem: `found no GenAuthModule${given}`, fix });
}
