import { Controller, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import type { Captcha, GenAuthClient, GenAuthTokenUser, GenAuthUser, SignInInfo } from 'passport-genauth';
import { AuthInfo, CurrentUser, GenAuthAdGuard, InjectGenAuthClient, Public } from 'passport-genauth/nest';
import { toLoginAnswer } from './login-answer.js';

@Controller()
export class AuthController {
  constructor(@InjectGenAuthClient() private readonly client: GenAuthClient<string>) {}

  @Public()
  @Get('health')
  health(): { status: string } {
    return { status: 'ok' };
  }

  /** The guard of @nestjs/passport, as it is. */
  @UseGuards(AuthGuard('genauth-password'))
  @HttpCode(200)
  @Post('auth/login')
  login(@CurrentUser() user: GenAuthUser, @AuthInfo() info: SignInInfo): object {
    return toLoginAnswer(user, info);
  }

  /** Our own guard: the same answers, without Passport's process-wide registry. */
  @UseGuards(GenAuthAdGuard)
  @HttpCode(200)
  @Post('auth/login/ad')
  loginByActiveDirectory(@CurrentUser() user: GenAuthUser, @AuthInfo() info: SignInInfo): object {
    return toLoginAnswer(user, info);
  }

  /** The picture that a login wants after too many failures. */
  @Public()
  @Get('auth/captcha')
  captcha(): Promise<Captcha> {
    return this.client.getCaptcha();
  }

  @Get('me')
  me(@CurrentUser() user: GenAuthTokenUser): GenAuthTokenUser {
    return user;
  }
}
