import { Body, Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
import { GenAuthClient, type SignInInfo } from 'passport-genauth';
import { GenAuthPasswordGuard, Public, Roles } from 'passport-genauth/nest';
import { AuthInfo, CurrentUser } from './auth';
import type { AppUser } from './users.service';

@Controller()
export class AppController {
  constructor(private readonly client: GenAuthClient) {}

  @UseGuards(GenAuthPasswordGuard)
  @HttpCode(200)
  @Post('login')
  login(@CurrentUser() user: AppUser, @AuthInfo() { tokens }: SignInInfo) {
    return { user, accessToken: tokens.accessToken };
  }

  @Public()
  @Post('refresh')
  async refresh(@Body('refreshToken') token: string) {
    return (await this.client.refresh(token)).tokens.accessToken;
  }

  @Get('me')
  me(@CurrentUser() user: AppUser, @CurrentUser('sub') sub: string) {
    return { ...user, sub };
  }

  @Roles('admin')
  @Get('admin')
  admin() {
    return 'admin';
  }
}
