import {
  type CanActivate,
  Controller,
  Get,
  type INestApplication,
  type ModuleMetadata,
  Post,
  Req,
  type Type,
  UseGuards,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
import passport from 'passport';
import { GenAuthClient, GenAuthPasswordStrategy } from '../../../src/index.js';
import { type GenAuthModuleOptions } from '../../../src/nest/index.js';
import {
  AuthInfo,
  CurrentUser,
  GenAuthGuard,
  GenAuthModule,
  GenAuthPasswordGuard,
  getGenAuthClientToken,
} from '../../../src/nest/index.js';
import { applyGenAuthSecurity } from '../../../src/nest/openapi/index.js';
import { GenAuthRedirectGuard, GenAuthRedirectModule } from '../../../src/nest/redirect/index.js';
import { GenAuthRedirectStrategy, type RedirectInfo, type RedirectOptions } from '../../../src/redirect/index.js';
import { useEmulator } from '../../emulator/support.js';
import { CALLBACK, START, User } from '../../redirect/user.js';
import { type Platform, PLATFORMS, type RunningApp, startNestApp } from '../../support/nest-app.js';

const emulator = useEmulator();
const platforms = Object.keys(PLATFORMS) as Platform[];
const REDIRECT: RedirectOptions = {
  // The callback of the tests is requested from the application itself.
  callbackUrl: `http://localhost:3000${CALLBACK}`,
  startPath: START,
  cookieSecret: 'secret-'.repeat(5),
};
const guards: Record<string, Type<CanActivate>> = {
  GenAuthRedirectGuard,
  "AuthGuard('genauth-redirect')": AuthGuard('genauth-redirect'),
};

/** A controller with the two routes of the sign-in, and a password login. */
function buildController(guard: Type<CanActivate>): Type {
  @Controller()
  class HostedPageController {
    @UseGuards(guard)
    @Get([START, CALLBACK])
    finish(@CurrentUser() user: object, @AuthInfo() { returnTo, tokens }: RedirectInfo): object {
      return { user, returnTo, hasToken: tokens.accessToken.length > 100 };
    }

    @UseGuards(GenAuthPasswordGuard)
    @Post('login')
    login(): void {}

    @Get('guarded')
    guarded(@CurrentUser('sub') sub: string): object {
      return { sub };
    }
  }
  return HostedPageController;
}

interface Settings {
  platform?: Platform;
  guard?: Type<CanActivate>;
  options?: Partial<GenAuthModuleOptions>;
  redirect?: Partial<RedirectOptions>;
  providers?: NonNullable<ModuleMetadata['providers']>;
  imports?: NonNullable<ModuleMetadata['imports']>;
}

let apps: RunningApp[] = [];
afterEach(async () => {
  await Promise.all(apps.map((app) => app.close()));
  apps = [];
});

async function start({
  platform = 'Express',
  guard = GenAuthRedirectGuard,
  options,
  redirect,
  providers = [],
  imports,
}: Settings = {}): Promise<RunningApp> {
  const app = await startNestApp(
    platform,
    {
      imports: imports ?? [
        GenAuthModule.forRoot({ ...emulator().clientOptions, ...options }),
        GenAuthRedirectModule.forRoot({ ...REDIRECT, ...redirect }),
      ],
      controllers: [buildController(guard)],
      providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard }, ...providers],
    },
    { prepare: setOwnCookies },
  );
  apps.push(app);
  return app;
}
/** Makes an application on Fastify set the cookie that a request asks for. */
function setOwnCookies(app: INestApplication): void {
  if (app.getHttpAdapter().getType() !== 'fastify') return;
  type Hook = (
    req: { headers: Record<string, string> },
    reply: { header: (...parts: string[]) => void },
    done: () => void,
  ) => void;
  const hook: Hook = ({ headers }, reply, done) => {
    if (headers['x-set-cookie'] !== undefined) reply.header('set-cookie', headers['x-set-cookie']);
    done();
  };
  (app.getHttpAdapter().getInstance() as { addHook: (name: string, hook: Hook) => void }).addHook('onRequest', hook);
}
const open = ({ url }: RunningApp): User => new User(url, emulator());

describe.each(platforms)('on %s', (platform) => {
  it.each(Object.keys(guards))('%s signs in the user, without @Public()', async (name) => {
    const user = open(await start({ platform, guard: guards[name] ?? GenAuthRedirectGuard }));
    const callback = await user.signIn('alice', `${START}?returnTo=/orders`);
    const answer = await user.visit(callback);
    expect(answer).toMatchObject({
      status: 200,
      body: { user: { sub: expect.any(String) as string }, returnTo: '/orders', hasToken: true },
    });
    expect(user.cookies.size).toBe(0);
    expect(await user.visit(callback)).toMatchObject({ status: 400, code: 'sign_in_expired' });
    expect(await user.visit('/guarded')).toMatchObject({ status: 401, code: 'token_missing' });
  });

  it.each(Object.keys(guards))('%s answers an abort, or sends the browser to failurePath', async (name) => {
    const guard = guards[name] ?? GenAuthRedirectGuard;
    const answers: unknown[] = [];
    for (const redirect of [{}, { failurePath: '/login?from=page#form' }]) {
      const user = open(await start({ platform, guard, redirect }));
      const { state } = await user.begin();
      answers.push(await user.visit(`${CALLBACK}?error=access_denied&state=${state}`));
      await apps.pop()?.close();
    }
    expect(answers).toMatchObject([
      { status: 403, code: 'access_denied', location: '' },
      { status: 302, location: '/login?from=page&error=access_denied#form' },
    ]);
  });

  it('sends the browser to the page without a response that a cache stores', async () => {
    const { url } = await start({ platform });
    const response = await fetch(url + START, { redirect: 'manual' });
    expect([response.status, response.headers.get('cache-control')]).toEqual([302, 'no-store']);
    expect(response.headers.getSetCookie()).toHaveLength(1);
  });
});

it('calls verify of GenAuthModule', async () => {
  const returnTos: unknown[] = [];
  const verify: GenAuthModuleOptions['verify'] = (_req, { sub }, info) => {
    returnTos.push((info as RedirectInfo).returnTo);
    return returnTos.length === 1 ? { id: sub } : null;
  };
  const user = open(await start({ options: { verify } }));
  const answers = [await user.visit(await user.signIn()), await user.visit(await user.signIn())];
  expect(answers).toMatchObject([
    { status: 200, body: { user: { id: expect.any(String) as string } } },
    { status: 403, code: 'verify_denied' },
  ]);
  expect(returnTos).toEqual(['/', '/']);
});

it('sends the tenant of signInOptions to the page', async () => {
  const signInOptions = (req: object): { tenantId: string } => ({
    tenantId: new URL((req as { url: string }).url, 'http://x').searchParams.get('org') ?? '',
  });
  const user = open(await start({ options: { signInOptions } }));
  expect((await user.begin(`${START}?org=acme`))['tenant_id']).toBe('acme');
  expect(await user.visit(START)).toMatchObject({ status: 500, code: 'configuration_error' });
  await apps.pop()?.close();
  const fixed = open(await start({ options: { signInOptions: { tenantId: 'fixed' } } }));
  expect((await fixed.begin())['tenant_id']).toBe('fixed');
});

it('uses the authorization endpoint of the options', async () => {
  const authorizationEndpoint = `${emulator().url}/${emulator().appId}/oidc/auth`;
  const { location } = await open(await start({ options: { authorizationEndpoint } })).visit(START);
  expect(location).toMatch(`${authorizationEndpoint}?client_id=`);
});

it('works for a GenAuth application with a name, and with forRootAsync', async () => {
  const app = await start({
    guard: GenAuthRedirectGuard.named('staff'),
    imports: [
      GenAuthModule.forRoot(emulator().clientOptions),
      GenAuthModule.forRootAsync({ name: 'staff', useFactory: () => emulator().clientOptions }),
      GenAuthRedirectModule.forRootAsync({ name: 'staff', useFactory: () => Promise.resolve(REDIRECT) }),
    ],
  });
  const user = open(app);
  expect(await user.visit(await user.signIn())).toMatchObject({ status: 200 });
  expect(app.app.get<GenAuthClient>(getGenAuthClientToken('staff')).options.name).toBe('staff');
});

class OwnPassword extends PassportStrategy(GenAuthPasswordStrategy) {
  constructor(client: GenAuthClient) {
    super(client);
  }
  validate(): null {
    return null;
  }
}
class OwnRedirect extends PassportStrategy(GenAuthRedirectStrategy) {
  constructor(client: GenAuthClient) {
    super(client, REDIRECT);
  }
  validate(_req: object, { sub }: { sub: string }): object {
    return { own: sub };
  }
}
const provide = (provided: new (client: GenAuthClient) => object) => ({
  provide: provided,
  inject: [GenAuthClient],
  useFactory: (client: GenAuthClient) => new provided(client),
});

it('refuses to start if a class checks the users of the password login, and not those of the page', async () => {
  const message =
    'HostedPageController.finish accepts logins of genauth-redirect too, whose users OwnPassword does not check: ' +
    'write a class with validate, which extends GenAuthRedirectStrategy, or write the option verify in place of the ' +
    'class';
  await expect(start({ providers: [provide(OwnPassword)] })).rejects.toThrow(message);
});

it.each(Object.keys(guards))('%s uses a class of the application that extends the strategy', async (name) => {
  const guard = guards[name] ?? GenAuthRedirectGuard;
  const user = open(await start({ guard, providers: [provide(OwnPassword), provide(OwnRedirect)] }));
  const own = { own: expect.any(String) as string };
  expect(await user.visit(await user.signIn())).toMatchObject({ status: 200, body: { user: own } });
});

it('warns if no route has the guard', async () => {
  @Controller()
  class OtherController {
    @UseGuards(GenAuthPasswordGuard)
    @Post('login')
    login(@Req() _req: object): void {}
  }
  const { logger, close } = await startNestApp('Express', {
    imports: [GenAuthModule.forRoot(emulator().clientOptions), GenAuthRedirectModule.forRoot(REDIRECT)],
    controllers: [OtherController],
  });
  await close();
  expect(logger.lines.filter((line) => line.startsWith('warn'))).toEqual([
    expect.stringContaining('no route has its guard: write @UseGuards(GenAuthRedirectGuard) on the route'),
  ]);
});

it.each<[string, () => NonNullable<ModuleMetadata['imports']>, string]>([
  ['no GenAuthModule', () => [GenAuthRedirectModule.forRoot(REDIRECT)], 'found no GenAuthModule: import'],
  [
    'a GenAuthModule with another name',
    () => [
      GenAuthModule.forRoot(emulator().clientOptions),
      GenAuthRedirectModule.forRoot({ ...REDIRECT, name: 'staff' }),
    ],
    'found no GenAuthModule with the name "staff"',
  ],
  [
    'a wrong option',
    () => [
      GenAuthModule.forRoot(emulator().clientOptions),
      GenAuthRedirectModule.forRoot({ callbackUrl: 'app.example.com' }),
    ],
    'callbackUrl is "app.example.com"',
  ],
  [
    'a module that is imported twice',
    () => [
      GenAuthModule.forRoot(emulator().clientOptions),
      GenAuthRedirectModule.forRoot(REDIRECT),
      GenAuthRedirectModule.forRoot({ ...REDIRECT, callbackUrl: 'http://localhost:3000/other' }),
    ],
    "GenAuthRedirectModule is imported several times with the name 'genauth': import it once",
  ],
])('refuses to start with %s', async (_title, build, message) => {
  class App {}
  const starting = startNestApp('Express', { imports: build(), providers: [App] });
  await expect(starting).rejects.toThrow(expect.objectContaining({ code: 'invalid_options' }));
  await expect(startNestApp('Express', { imports: build(), providers: [App] })).rejects.toThrow(message);
});

it('describes the routes in an OpenAPI document', async () => {
  const { app } = await start();
  const document = applyGenAuthSecurity(SwaggerModule.createDocument(app, new DocumentBuilder().build()), app);
  const { get } = document.paths[START] ?? {};
  expect([Object.keys(get?.responses ?? {}), get?.security, get?.requestBody]).toEqual([
    ['200', '302', '400', '403', '500', '502', '503'],
    [],
    undefined,
  ]);
});

it.each<[string, GenAuthModuleOptions['verify'] | undefined, NonNullable<ModuleMetadata['providers']>, string]>([
  ['verify', () => null, [], 'the option verify does not check: import GenAuthRedirectModule in place of the provider'],
  ['a class', undefined, [provide(OwnPassword)], 'OwnPassword does not check: write a class with validate'],
])(
  'refuses to start if %s does not check the users of a strategy of the application',
  async (_title, verify, more, part) => {
    const own = {
      provide: 'own',
      inject: [GenAuthClient],
      useFactory: (client: GenAuthClient) => {
        const strategy = new GenAuthRedirectStrategy(client, REDIRECT);
        passport.use(strategy);
        return strategy;
      },
    };
    const starting = start({
      guard: AuthGuard('genauth-redirect'),
      imports: [GenAuthModule.forRoot({ ...emulator().clientOptions, ...(verify && { verify }) })],
      providers: [own, ...more],
    });
    await expect(starting).rejects.toThrow(`accepts logins of genauth-redirect too, whose users ${part}`);
  },
);

it('finds unchecked users also behind a guard with several strategies', async () => {
  const guard = AuthGuard(['genauth-redirect', 'genauth-ad']);
  await expect(start({ guard, providers: [provide(OwnPassword)] })).rejects.toThrow(
    'accepts logins of genauth-redirect',
  );
});

const warningsOf = ({ logger }: RunningApp): string[] => logger.lines.filter((line) => line.startsWith('warn '));

it.each<[string, Partial<RedirectOptions>, string]>([
  ['startPath', { startPath: '/auth/other' }, 'startPath has the path /auth/other, but no route with'],
  ['callbackUrl', { callbackUrl: 'http://localhost:3000/auth/cb' }, 'callbackUrl has the path /auth/cb, but no route'],
])('warns if no route has the path of %s', async (_title, redirect, part) => {
  expect(warningsOf(await start({ redirect }))).toEqual([expect.stringContaining(part)]);
});

it('does not warn about a path whose first part a proxy removes', async () => {
  expect(warningsOf(await start({ redirect: { callbackUrl: `https://app.example.com/shop${CALLBACK}` } }))).toEqual([]);
});

it('warns about a guard without the module', async () => {
  const imports = [GenAuthModule.forRoot(emulator().clientOptions)];
  const app = await start({ guard: AuthGuard('genauth-redirect'), imports });
  expect(warningsOf(app)).toEqual([
    expect.stringContaining("HostedPageController.finish has a guard for GenAuth's hosted page, but no strategy"),
  ]);
});

it('keeps the cookies that the application sets on Fastify', async () => {
  const { url, app } = await start({ platform: 'Fastify' });
  expect(app.getHttpAdapter().getType()).toBe('fastify');
  const response = await fetch(url + START, { redirect: 'manual', headers: { 'x-set-cookie': 'own=1' } });
  expect(response.headers.getSetCookie()).toEqual([
    expect.stringContaining('own=1'),
    expect.stringContaining('genauth-sign-in'),
  ]);
});
