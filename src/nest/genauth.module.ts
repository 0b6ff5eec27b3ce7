import {
  ConfigurableModuleBuilder,
  Inject,
  Logger,
  Module,
  type OnApplicationBootstrap,
  type OnModuleDestroy,
  type OnModuleInit,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import passport from 'passport';
import { GenAuthClient } from '../core/client.js';
import { GenAuthError } from '../core/errors.js';
import type { GenAuthOptions } from '../core/options.js';
import { GenAuthAdStrategy } from '../passport/ad.strategy.js';
import { GenAuthBearerStrategy } from '../passport/bearer.strategy.js';
import { GenAuthPasswordStrategy } from '../passport/password.strategy.js';
import { GenAuthExceptionFilter } from './genauth.filter.js';
import { GenAuthGuard } from './genauth.guard.js';
import { AdStrategyForNest, BearerStrategyForNest, PasswordStrategyForNest } from './genauth.strategies.js';
import { GenAuthAdGuard, GenAuthPasswordGuard } from './sign-in.guards.js';

const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } = new ConfigurableModuleBuilder<GenAuthOptions>({
  moduleName: 'GenAuth',
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createGenAuthOptions')
  // Guards are made in the module of the controller that uses them, and need the client there.
  .setExtras({}, (definition) => ({ ...definition, global: true }))
  .build();

/** What `useClass` and `useExisting` of `GenAuthModule.forRootAsync` name. */
export interface GenAuthOptionsFactory {
  createGenAuthOptions(): GenAuthOptions | Promise<GenAuthOptions>;
}

/**
 * `GenAuthModule.forRoot(options)`, or `GenAuthModule.forRootAsync({ imports, inject, useFactory | useClass | useExisting })`.
 * Importing it once is enough: it makes the client, registers the three strategies with Passport, fetches the keys when the
 * application starts (a start without GenAuth is no failed start) and ends the connections when it stops.
 */
@Module({
  providers: [
    {
      provide: GenAuthClient,
      inject: [MODULE_OPTIONS_TOKEN],
      useFactory: (options: GenAuthOptions) => new GenAuthClient(options),
    },
    {
      provide: GenAuthPasswordStrategy,
      inject: [GenAuthClient],
      useFactory: (client: GenAuthClient<string>) => new PasswordStrategyForNest(client),
    },
    {
      provide: GenAuthAdStrategy,
      inject: [GenAuthClient],
      useFactory: (client: GenAuthClient<string>) => new AdStrategyForNest(client),
    },
    {
      provide: GenAuthBearerStrategy,
      inject: [GenAuthClient],
      useFactory: (client: GenAuthClient<string>) => new BearerStrategyForNest(client),
    },
    GenAuthGuard,
    GenAuthPasswordGuard,
    GenAuthAdGuard,
    { provide: APP_FILTER, useClass: GenAuthExceptionFilter },
  ],
  exports: [
    GenAuthClient,
    GenAuthPasswordStrategy,
    GenAuthAdStrategy,
    GenAuthBearerStrategy,
    GenAuthGuard,
    GenAuthPasswordGuard,
    GenAuthAdGuard,
  ],
})
export class GenAuthModule
  extends ConfigurableModuleClass
  implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy
{
  private readonly logger = new Logger('GenAuth');
  private warmingUp: Promise<void> = Promise.resolve();

  constructor(
    @Inject(GenAuthClient) private readonly client: GenAuthClient<string>,
    @Inject(GenAuthPasswordStrategy) private readonly passwordStrategy: GenAuthPasswordStrategy<string>,
    @Inject(GenAuthAdStrategy) private readonly adStrategy: GenAuthAdStrategy<string>,
    @Inject(GenAuthBearerStrategy) private readonly bearerStrategy: GenAuthBearerStrategy,
  ) {
    super();
  }

  onModuleInit(): void {
    for (const strategy of [this.passwordStrategy, this.adStrategy, this.bearerStrategy]) passport.use(strategy);
  }

  onApplicationBootstrap(): void {
    this.warmingUp = this.client.warmUp().catch((error: unknown) => {
      const reason = error instanceof GenAuthError ? `${error.code}: ${error.message}` : String(error);
      this.logger.warn(`The keys could not be fetched at the start, and will be when they are needed. ${reason}`);
    });
  }

  async onModuleDestroy(): Promise<void> {
    this.client.close();
    await this.warmingUp;
  }
}
