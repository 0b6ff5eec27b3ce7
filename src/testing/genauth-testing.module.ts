import { GenAuthClient } from '../core/client.js';
import { DEFAULT_NAME } from '../core/options/option-checker.js';
import type { GenAuthOptions } from '../core/options/types.js';
import { OPTIONS_TOKEN, buildToken } from '../injection-tokens.js';
import type { GenAuthTestKit } from './test-kit.js';

/** Nest's `TestingModuleBuilder`, as far as it is used. */
interface ModuleBuilder {
  overrideProvider(token: unknown): {
    useFactory(provider: { factory: (options: GenAuthOptions) => unknown; inject: unknown[] }): unknown;
  };
}

/** For applications of Nest that are tested with @nestjs/testing. */
export class GenAuthTestingModule {
  /**
   * Puts the kit in GenAuth's place. Only the address and the keys are other ones: options, guards, strategies and decorators are
   * the application's own.
   *
   * ```ts
   * const builder = Test.createTestingModule({ imports: [AppModule] });
   * const module = await GenAuthTestingModule.override(builder, genauth).compile();
   * ```
   *
   * @param name - Of `GenAuthModule.forRoot({ name, … })`, where an application has several.
   */
  static override<Builder extends ModuleBuilder>(
    builder: Builder,
    genauth: GenAuthTestKit,
    name = DEFAULT_NAME,
  ): Builder {
    builder.overrideProvider(name === DEFAULT_NAME ? GenAuthClient : buildToken(name, 'client')).useFactory({
      factory: (options) => new GenAuthClient(genauth.redirect({ ...options, name })),
      inject: [OPTIONS_TOKEN],
    });
    return builder;
  }
}
