import { type DynamicModule, Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { GenAuthErrorInterceptor, GenAuthGuard, GenAuthModule } from 'passport-genauth/nest';
import { GenAuthRedirectModule } from 'passport-genauth/nest/redirect';
import { AuthController } from './auth.controller.js';
import { DemoController } from './demo.controller.js';
import { GuardedController } from './guarded.controller.js';
import { HostedPageController } from './hosted-page.controller.js';
import { SETTINGS, type Settings } from './settings.js';

@Module({})
export class AppModule implements OnApplicationShutdown {
  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  static forRoot(settings: Settings): DynamicModule {
    return {
      module: AppModule,
      imports: [GenAuthModule.forRoot(settings.options), GenAuthRedirectModule.forRoot(settings.redirect)],
      controllers: [AuthController, HostedPageController, GuardedController, DemoController],
      providers: [
        { provide: SETTINGS, useValue: settings },
        // The global guard requires an access token on every route, except login routes and routes with @Public().
        { provide: APP_GUARD, useExisting: GenAuthGuard },
        // Answers the errors of the client that leave a handler, for example of a refused refresh token.
        { provide: APP_INTERCEPTOR, useClass: GenAuthErrorInterceptor },
      ],
    };
  }

  async onApplicationShutdown(): Promise<void> {
    await this.settings.stop();
  }
}
