import { ConfigurableModuleBuilder, Module } from '@nestjs/common';
import type { GenAuthClient } from '../../core/client.js';
import { buildOptionError } from '../../core/errors.js';
import { DEFAULT_NAME } from '../../core/options/option-checker.js';
import { quote } from '../../core/util/quote.js';
import { buildToken } from '../../injection-tokens.js';
import type { RedirectOptions } from '../../redirect/options.js';
import { GenAuthRedirectStrategy } from '../../redirect/redirect.strategy.js';
import type { GenAuthModuleOptions } from '../genauth.module.js';
import { addModuleStrategy } from '../applications.js';
import { getProviderToken } from '../genauth.providers.js';
import { GenAuthRedirectGuard } from './genauth-redirect.guard.js';

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
export class GenAuthRedirectModule extends ConfigurableModuleClass {}

function buildModuleError(name: string): Error {
  const given = name === DEFAULT_NAME ? '' : ` with the name ${quote(name)}`;
  const fix = 'import GenAuthModule.forRoot(options) in the same application, and write the same name in both modules';
  return buildOptionError({ option: 'GenAuthRedirectModule', problem: `found no GenAuthModule${given}`, fix });
}
