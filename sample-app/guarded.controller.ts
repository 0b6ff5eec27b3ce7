import { Controller, Get } from '@nestjs/common';
import type { GenAuthUser } from 'passport-genauth';
import { CurrentUser, Public, RequireScopes, Roles } from 'passport-genauth/nest';

/**
 * The global guard requires an access token on these routes. A decorator adds a role or a scope, or opens the route.
 */
@Controller()
export class GuardedController {
  @Public()
  @Get('health')
  health(): { status: string } {
    return { status: 'ok' };
  }

  @Get('me')
  me(@CurrentUser() user: GenAuthUser): GenAuthUser {
    return user;
  }

  @Roles('admin')
  @Get('admin')
  admin(@CurrentUser('sub') sub: string): object {
    return { admin: sub };
  }

  @RequireScopes('email')
  @Get('orders')
  orders(@CurrentUser('email') email: string | null): object {
    return { email, orders: [] };
  }
}
