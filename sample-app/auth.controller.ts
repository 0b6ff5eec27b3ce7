import { Body, Controller, Get, Header, HttpCode, Post, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import type { Captcha, GenAuthClient, GenAuthUser, SignInInfo } from 'passport-genauth';
import { AuthInfo, CurrentUser, GenAuthAdGuard, InjectGenAuthClient, Public } from 'passport-genauth/nest';
import { toLoginAnswer } from './login-answer.js';
import { logout, refresh } from './session.js';

/** The routes for logins, the captcha, refresh and logout. */
@Controller('auth')
export class AuthController {
  constructor(@InjectGenAuthClient() private readonly client: GenAuthClient<string>) {}

  /** Signs in the user with the guard of @nestjs/passport. */
  @UseGuards(AuthGuard('genauth-password'))
  @HttpCode(200)
  @Post('login')
  login(@CurrentUser() user: GenAuthUser, @AuthInfo() { tokens }: SignInInfo): object {
    return toLoginAnswer(user, tokens);
  }

  /**
   * Signs in the user with the guard of passport-genauth. It sends the same responses as the guard of @nestjs/passport,
   * but does not use Passport's global registry.
   */
  @UseGuards(GenAuthAdGuard)
  @HttpCode(200)
  @Post('login/ad')
  loginByActiveDirectory(@CurrentUser() user: GenAuthUser, @AuthInfo() { tokens }: SignInInfo): object {
    return toLoginAnswer(user, tokens);
  }

  /** Returns the captcha that GenAuth requires after too many failed sign-ins. */
  @Public()
  @Get('captcha')
  captcha(): Promise<Captcha> {
    return this.client.getCaptcha();
  }

  @Public()
  @HttpCode(200)
  @Header('cache-control', 'no-store')
  @Post('refresh')
  refresh(@Body() body: Record<string, unknown> | undefined): Promise<object> {
    return refresh(this.client, body);
  }

  @Public()
  @HttpCode(200)
  @Post('logout')
  logout(@Body() body: Record<string, unknown> | undefined): Promise<object> {
    return logout(this.client, body);
  }
}
