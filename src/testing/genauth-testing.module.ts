import { GenAuthClient } from '../core/client.js';
import { DEFAULT_NAME } from '../core/options/option-checker.js';
import type { GenAuthOptions } from '../core/options/types.js';
import { CLIENT_OPTIONS_TOKEN, buildToken } from '../injection-tokens.js';
import type { GenAuthTestKit } from './test-kit.js';

/** The members of Nest's `TestingModuleBuilder` that this file uses. */
interface ModuleBuilder {
  overrideProvider(token: unknown): {
    useFactory(provider: { factory: (options: GenAuthOptions) => unknown; inject: unknown[] }): unknown;
  };
}

/**
 * Connects a Nest application to a {@link GenAuthTestKit}, in tests with `@nestjs/testing`.
 *
 * @example
 * ```ts
 * import type { Type } from '@nestjs/common';
 * import { Test } from '@nestjs/testing';
 * import { GenAuthTestingModule, GenAuthTestKit } from 'passport-genauth/testing';
 *
 * export async function createTestApp(appModule: Type, genauth: GenAuthTestKit) {
 *   const builder = GenAuthTestingModule.override(Test.createTestingModule({ imports: [appModule] }), genauth);
 *   return (await builder.compile()).createNestApplication();
 * }
 * ```
 */
export class GenAuthTestingModule {
  /**
   * Replaces GenAuth by the test kit. The guards, strategies, decorators and options of the Nest application are kept.
   * Only the options that {@link GenAuthTestKit.redirect} replaces are changed.
   *
   * @param builder The builder that `Test.createTestingModule()` returns.
   * @param genauth The started test kit.
   * @param name The `name` of `GenAuthModule.forRoot({ name })`, if the Nest application imports several GenAuth
   * modules.
   * @returns The given `builder`.
   */
  static override<Builder extends ModuleBuilder>(
    builder: Builder,
    genauth: GenAuthTestKit,
    name = DEFAULT_NAME,
  ): Builder {
    builder.overrideProvider(name === DEFAULT_NAME ? GenAuthClient : buildToken(name, 'client')).useFactory({
      factory: (options) => new GenAuthClient(genauth.redirect(options)),
      inject: [CLIENT_OPTIONS_TOKEN],
    });
    return builder;
  }
}
