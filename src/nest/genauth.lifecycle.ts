import { Logger, type OnApplicationBootstrap, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { HttpAdapterHost } from '@nestjs/core';
import passport from 'passport';
import type { GenAuthClient } from '../core/client.js';
import { GenAuthError } from '../core/errors.js';
import { trackReplies } from './response-headers.js';
import { registerSignInGuards } from './sign-in.guards.js';

/** What has to happen when the application starts and when it stops. */
export class GenAuthLifecycle implements OnModuleInit, OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger('GenAuth');
  private warmingUp: Promise<void> = Promise.resolve();

  constructor(
    private readonly client: GenAuthClient<string>,
    private readonly adapterHost: HttpAdapterHost,
    private readonly strategies: readonly passport.Strategy[],
  ) {}

  onModuleInit(): void {
    trackReplies(this.adapterHost);
    for (const strategy of this.strategies) passport.use(strategy);
    registerSignInGuards(this.client.options.name);
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
