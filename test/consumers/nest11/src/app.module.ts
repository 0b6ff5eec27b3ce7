import { Module } from '@nestjs/common';
import { APP_FILTER, APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { GenAuthErrorInterceptor, GenAuthGuard, GenAuthModule } from 'passport-genauth/nest';
import { AppController } from './app.controller';
import { buildOptions } from './auth';
import { UnauthorizedFilter } from './unauthorized.filter';
import { UsersService } from './users.service';

@Module({ providers: [UsersService], exports: [UsersService] })
class UsersModule {}

@Module({
  imports: [
    GenAuthModule.forRootAsync({
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        ...buildOptions(users),
        verify: (_req, { sub, name }) => users.register(sub, name ?? null),
      }),
    }),
  ],
  controllers: [AppController],
  providers: [
    { provide: APP_GUARD, useExisting: GenAuthGuard },
    { provide: APP_FILTER, useClass: UnauthorizedFilter },
    { provide: APP_INTERCEPTOR, useClass: GenAuthErrorInterceptor },
  ],
})
export class AppModule {}
