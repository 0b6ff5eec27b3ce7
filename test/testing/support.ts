import { Controller, Get, Module, Post, type Type, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import express from 'express';
import { GenAuthClient, type GenAuthOptions, genAuthErrorHandler, requireAuth } from '../../src/index.js';
import { CurrentUser, GenAuthGuard, GenAuthModule, type GenAuthModuleOptions } from '../../src/nest/index.js';
import { GenAuthPasswordGuard, Public } from '../../src/nest/index.js';
import { GenAuthTestKit, GenAuthTestingModule } from '../../src/testing/index.js';
import { PLATFORMS, type Platform } from '../support/nest-app.js';

/** The options of an application in production. No test can reach its tenant. */
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

/** Closes things after the test, the last one first. */
export function useClosing(): <T extends { close(): unknown }>(closable: T) => T {
  const closing: { close(): unknown }[] = [];
  afterEach(async () => {
    for (const closable of closing.splice(0).reverse()) await closable.close();
  });
  return (closable) => {
    closing.push(closable);
    return closable;
  };
}

@Controller()
class ShopController {
  @Public()
  @Get('health')
  health(): void {}

  @UseGuards(GenAuthPasswordGuard)
  @Post('login')
  login(): void {}

  @Get('me')
  me(@CurrentUser() user: unknown): object {
    return { user };
  }
}

/** A module of Nest with these controllers. All its routes are guarded. */
export function makeAppModule(options: GenAuthModuleOptions, ...controllers: Type[]): Type {
  const providers = [{ provide: APP_GUARD, useExisting: GenAuthGuard }];
  @Module({ imports: [GenAuthModule.forRoot(options)], controllers: [ShopController, ...controllers], providers })
  class AppModule {}
  return AppModule;
}

/** Creates an application with @nestjs/testing, and connects it to the kit. It does not listen. */
export async function createTestedApp(platform: Platform, genauth: GenAuthTestKit, module: Type) {
  const builder = Test.createTestingModule({ imports: [module] });
  const testing = await GenAuthTestingModule.override(builder, genauth).compile();
  return testing.createNestApplication(PLATFORMS[platform](), { logger: false });
}

/** An application of Express with one route per kind of requirement. */
export function createExpressApp(client: GenAuthClient<string>) {
  const app = express();
  const tenant = (req: { params: Record<string, unknown> }): string => String(req.params['tenant']);
  app.get('/health', (_req, res) => void res.json({ status: 'ok' }));
  app.get('/me', requireAuth(client), (req, res) => void res.json({ user: req.user }));
  app.get('/admin', requireAuth(client, { roles: ['admin'] }), (_req, res) => void res.json({}));
  app.get('/orders', requireAuth(client, { scopes: ['email'] }), (_req, res) => void res.json({}));
  app.get('/tenants/:tenant', requireAuth(client, { tenant: tenant as never }), (_req, res) => void res.json({}));
  return app.use(genAuthErrorHandler(client));
}
