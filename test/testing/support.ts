import { Controller, Delete, Get, Inject, Module, Param, Post, type Type, UseGuards } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { Test } from '@nestjs/testing';
import express5 from 'express';
import express4 from 'express4';
import passport from 'passport';
import {
  GenAuthBearerStrategy,
  GenAuthClient,
  type GenAuthOptions,
  genAuthErrorHandler,
  requireAuth,
} from '../../src/index.js';
import {
  CurrentUser,
  GenAuthGuard,
  GenAuthModule,
  GenAuthPasswordGuard,
  Public,
  RequireScopes,
  Roles,
  Tenant,
} from '../../src/nest/index.js';
import { GenAuthTestKit, GenAuthTestingModule } from '../../src/testing/index.js';
import { PLATFORMS, type Platform } from '../support/nest-app.js';

/** What a team writes for production: a tenant that no test can reach, and keys of its own. */
export const PRODUCTION = {
  appId: '65f0c1d2e3a4b5c6d7e8f901',
  appSecret: 'secret-of-production-0123456789abcdef',
  appHost: 'https://tenant.invalid',
  scope: ['openid', 'profile', 'email', 'roles', 'tenant_id'],
} satisfies GenAuthOptions;

/** One kit for all tests of a file or `describe`. */
export function useTestKit(): () => GenAuthTestKit {
  let genauth: GenAuthTestKit;
  beforeAll(async () => {
    genauth = await GenAuthTestKit.start();
  });
  afterEach(() => genauth.clearFaults());
  afterAll(() => genauth.stop());
  return () => genauth;
}

@Controller()
export class ShopController {
  constructor(@Inject(GenAuthClient) readonly client: GenAuthClient) {}

  @Public()
  @Get('health')
  health(): object {
    return { status: 'ok' };
  }

  @UseGuards(GenAuthPasswordGuard)
  @Post('login')
  login(@CurrentUser('sub') sub: string): object {
    return { sub };
  }

  @Get('me')
  me(@CurrentUser() user: unknown): object {
    return { user };
  }

  @Roles('admin')
  @Get('admin')
  admin(@CurrentUser('sub') sub: string): object {
    return { sub };
  }

  @RequireScopes('email')
  @Get('orders/:id')
  orders(@Param('id') id: string): object {
    return { id };
  }

  @RequireScopes('email')
  @Delete('orders/:id')
  deleteOrder(): object {
    return { deleted: true };
  }

  @Tenant((req: { params: { tenant: string } }) => req.params.tenant)
  @Get('tenants/:tenant')
  tenant(): object {
    return { tenant: 'yours' };
  }
}

/** The routes above that everybody may call. */
export const PUBLIC_ROUTES = ['GET /health', 'POST /login'];

/** One `@Public()` too many. */
@Controller('invoices')
export class ForgottenController {
  @Public()
  @Get(':id')
  invoice(): object {
    return { amount: 1 };
  }
}

/** An application of Nest as it is for production. */
export function makeAppModule(
  options: GenAuthOptions,
  { controllers = [ShopController], guarded = true }: { controllers?: Type[]; guarded?: boolean } = {},
): Type {
  @Module({
    imports: [GenAuthModule.forRoot(options)],
    controllers,
    providers: guarded ? [{ provide: APP_GUARD, useExisting: GenAuthGuard }] : [],
  })
  class AppModule {}
  return AppModule;
}

/** That application under @nestjs/testing, with a kit in GenAuth's place. It does not listen. */
export async function createTestedApp(platform: Platform, genauth: GenAuthTestKit, module: Type) {
  const builder = Test.createTestingModule({ imports: [module] });
  const testing = await GenAuthTestingModule.override(builder, genauth).compile();
  return testing.createNestApplication(PLATFORMS[platform](), { logger: false });
}

/** The same, not under @nestjs/testing: its options are the kit's. */
export function createRedirectedApp(platform: Platform, genauth: GenAuthTestKit, options: Partial<GenAuthOptions>) {
  const module = makeAppModule(genauth.redirect({ ...PRODUCTION, ...options }));
  return NestFactory.create(module, PLATFORMS[platform](), { logger: false });
}

export const EXPRESS = { 'Express 4': express4, 'Express 5': express5 } as const;
export type ExpressName = keyof typeof EXPRESS;

/** The same shop on plain Express. */
export function createExpressApp(version: ExpressName, client: GenAuthClient<string>, { guarded = true } = {}) {
  const express = EXPRESS[version];
  const app = express();
  app.use(express.json());
  app.get('/health', (_req, res) => void res.json({ status: 'ok' }));
  app.get('/me', requireAuth(client), (req, res) => void res.json({ user: req.user }));
  app.get('/admin', requireAuth(client, { roles: ['admin'] }), (req, res) => void res.json({ user: req.user }));
  const orders = express.Router();
  if (guarded) orders.use(requireAuth(client, { scopes: ['email'] }));
  orders.get('/:id', (req, res) => void res.json({ id: req.params.id }));
  orders.post('/', (req, res) => void res.status(201).json(req.body));
  app.use('/orders', orders);
  const tenant = (req: unknown): string => (req as { params: { tenant: string } }).params.tenant;
  app.get('/tenants/:tenant', requireAuth(client, { tenant }), (_req, res) => void res.json({ tenant: 'yours' }));
  const own = new passport.Passport();
  own.use(new GenAuthBearerStrategy(client));
  app.get(
    '/passport',
    own.authenticate('genauth-bearer', { session: false }) as never,
    (_req, res) => void res.json({}),
  );
  app.use(genAuthErrorHandler(client));
  return app;
}

/** Nest's guard of @nestjs/passport. */
@UseGuards(AuthGuard('genauth-bearer'))
@Controller('passport')
export class PassportController {
  @Get()
  get(): object {
    return {};
  }
}
