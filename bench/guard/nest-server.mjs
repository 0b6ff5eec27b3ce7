// Runs a Nest application on Express with one route. The setting `guard` contains the name of the guard of this route.
import 'reflect-metadata';
import { Controller, Get, Module, UnauthorizedException, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import passport from 'passport';
import { answerCalls, readCpuTime, readSettings } from '../lib/processes.mjs';
import { startProfile, stopProfile } from '../lib/profile.mjs';
import { VERIFIERS, createPassportJwt, readToken, toStrategy } from './verifiers.mjs';

const settings = readSettings();

async function createOurs(options = {}) {
  const ours = await import(`${settings.package}nest/index.js`);
  const { appId, appHost } = settings;
  const module = ours.GenAuthModule.forRoot({ appId, appSecret: 'secret-of-the-bench', appHost, ...options });
  return { ...ours, imports: [module] };
}

class EmptyGuard {
  canActivate() {
    return true;
  }
}

const GUARDS = {
  'no guard': () => ({}),
  'a guard that does nothing': () => ({ guard: EmptyGuard }),
  GenAuthGuard: async () => {
    const { GenAuthGuard, imports } = await createOurs();
    return { guard: GenAuthGuard, imports };
  },
  limit: async () => {
    const verify = await VERIFIERS.limit(settings);
    class LimitGuard {
      canActivate(context) {
        const request = context.switchToHttp().getRequest();
        try {
          request.user = verify(readToken(request));
        } catch {
          throw new UnauthorizedException();
        }
        return true;
      }
    }
    return { guard: LimitGuard };
  },
  "AuthGuard('genauth-bearer')": async () => {
    const { imports } = await createOurs();
    return { guard: AuthGuard('genauth-bearer'), imports };
  },
  'AuthGuard + limit': async () => {
    passport.use('limit', toStrategy(passport.Strategy, await VERIFIERS.limit(settings)));
    return { guard: AuthGuard('limit') };
  },
  "AuthGuard('jwt') + passport-jwt + jwks-rsa": async () => {
    passport.use('jwt', await createPassportJwt(settings));
    return { guard: AuthGuard('jwt') };
  },
  'CanActivate with jose': async () => {
    const verify = await VERIFIERS.jose(settings);
    class JoseGuard {
      async canActivate(context) {
        const request = context.switchToHttp().getRequest();
        try {
          request.user = await verify(readToken(request));
        } catch {
          throw new UnauthorizedException();
        }
        return true;
      }
    }
    return { guard: JoseGuard };
  },
};

const { guard, imports = [] } = await GUARDS[settings.guard]();

// The decorators are called as functions, because Node.js runs this file without a compiler.
class OrdersController {
  find() {
    return { orders: [{ id: 1, total: 12.5 }] };
  }
}
const find = Object.getOwnPropertyDescriptor(OrdersController.prototype, 'find');
Get('orders')(OrdersController.prototype, 'find', find);
if (guard !== undefined) UseGuards(guard)(OrdersController.prototype, 'find', find);
Controller()(OrdersController);
class AppModule {}
Module({ imports, controllers: [OrdersController] })(AppModule);

const app = await NestFactory.create(AppModule, { logger: ['error'] });
await app.listen(0, '127.0.0.1');
answerCalls({ readCpuTime, startProfile, stopProfile }, app.getHttpServer().address().port);
