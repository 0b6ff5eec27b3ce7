import { Controller, Get, Module, Post, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import type { SignInInfo } from 'passport-genauth';
import { GenAuthEmulator, GenAuthEmulatorModule } from 'passport-genauth/emulator';
import { AuthInfo, CurrentUser, GenAuthGuard, GenAuthModule } from 'passport-genauth/nest';
import { type AppUser, UsersService } from './users.js';

@Controller()
class AppController {
  @UseGuards(AuthGuard('genauth-password'))
  @Post('login')
  login(@CurrentUser() user: AppUser, @AuthInfo() { tokens }: SignInInfo) {
    return { user, accessToken: tokens.accessToken };
  }

  @Get('me')
  me(@CurrentUser() user: AppUser) {
    return { user };
  }
}

@Module({ providers: [UsersService], exports: [UsersService] })
class UsersModule {}

const genAuthModule = GenAuthModule.forRootAsync({
  imports: [UsersModule],
  inject: [UsersService, GenAuthEmulator],
  useFactory: (users: UsersService, emulator: GenAuthEmulator) => ({
    ...emulator.clientOptions,
    verify: (_req, user) => users.logIn(user),
    resolveUser: (_req, { sub }) => users.find(sub),
  }),
});

@Module({
  imports: [UsersModule, GenAuthEmulatorModule.forRoot(), genAuthModule],
  controllers: [AppController],
  providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard }],
})
export class AppModule {}
