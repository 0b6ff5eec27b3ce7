import { Controller, Get, Header, UseGuards } from '@nestjs/common';
import type { GenAuthUser } from 'passport-genauth';
import { AuthInfo, CurrentUser } from 'passport-genauth/nest';
import { GenAuthRedirectGuard } from 'passport-genauth/nest/redirect';
import type { RedirectInfo } from 'passport-genauth/redirect';
import { renderSignedIn } from './login-answer.js';

/** The routes of the sign-in on GenAuth's hosted page. */
@Controller('auth/genauth')
@UseGuards(GenAuthRedirectGuard)
export class HostedPageController {
  /** Begins the sign-in. The guard sends the browser to GenAuth's page, so this method is never called. */
  @Get()
  begin(): void {}

  /** Ends the sign-in. */
  @Header('content-type', 'text/html; charset=utf-8')
  @Get('callback')
  end(@CurrentUser() user: GenAuthUser, @AuthInfo() info: RedirectInfo): string {
    return renderSignedIn(user, info);
  }
}
