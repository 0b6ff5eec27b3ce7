import { type CanActivate, Controller, Get, Injectable, Module, type ModuleMetadata } from '@nestjs/common';
import { Post, type Type, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { Test } from '@nestjs/testing';
import { GenAuthClient, type GenAuthOptions } from '../../src/index.js';
import {
  CurrentUser,
  GenAuthAdGuard,
  GenAuthGuard,
  GenAuthModule,
  type GenAuthOptionsFactory,
  GenAuthPasswordGuard,
  InjectGenAuthClient,
  getGenAuthClientToken,
} from '../../src/nest/index.js';
import { admitEverybody, subjectOf } from '../support/admission.js';
import { buildHandlers } from '../support/handlers.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { APP_ID, type Issuer, JWKS_PATH, useIssuer } from '../support/issuer.js';
import { PLATFORMS, type RunningApp, send, startNestApp } from '../support/nest-app.js';
import { catchThrown } from '../support/thrown.js';

failOnUnhandledRejections();
const STAFF_ID = '65f0c1d2e3a4b5c6d7e8f999';
const people = useIssuer();
const staff = useIssuer();
beforeEach(() => [people(), staff()].forEach(admitEverybody));

/** Login routes of the application with that `name`, below a path of the same name. */
function buildController(name: string): Type {
  const login = (path: string, guard: Type<CanActivate>): MethodDecorator[] => [UseGuards(guard), Post(path)];
  return buildHandlers(
    {
      barePassword: login('bare/password', AuthGuard(`${name}-password`)),
      ownPassword: login('own/password', GenAuthPasswordGuard.named(name)),
      bareAd: login('bare/ad', AuthGuard(`${name}-ad`)),
      ownAd: login('own/ad', GenAuthAdGuard.named(name)),
    },
    Controller(name),
  );
}
const PeopleRoutes = buildController('genauth');

const login = ({ url }: RunningApp, path: string, account = 'alice'): ReturnType<typeof send> => {
  const field = path.endsWith('ad') ? 'sAMAccountName' : 'account';
  return send(`${url}/${path}`, { method: 'POST', body: { [field]: account, password: 'p' } });
};

@Injectable()
class OptionsService implements GenAuthOptionsFactory {
  createGenAuthOptions(): GenAuthOptions {
    return people().clientOptions;
  }
}
@Module({ controllers: [PeopleRoutes] })
class FeatureModule {}
@Injectable()
class OwnUsers {
  constructor(readonly client: GenAuthClient) {}
}

it.each<[way: string, importModule: () => ReturnType<typeof GenAuthModule.forRoot>]>([
  ['forRoot', () => GenAuthModule.forRoot(people().clientOptions)],
  ['useClass', () => GenAuthModule.forRootAsync({ useClass: OptionsService })],
])('serves the controllers of other modules, imported by %s', async (_way, importModule) => {
  const running = await startNestApp('Express', { imports: [importModule(), FeatureModule] });
  await running.app.get(GenAuthClient).warmUp();
  const answer = await login(running, 'genauth/own/password');
  await running.close();
  expect(answer.body).toMatchObject({ user: { sub: subjectOf('alice', people()) } });
  expect(people().count(JWKS_PATH)).toBe(1);
});

it('lets the own guards of two Nest applications in one process use their own GenAuth', async () => {
  const start = ({ clientOptions }: Issuer): Promise<RunningApp> =>
    startNestApp('Express', { imports: [GenAuthModule.forRoot(clientOptions)], controllers: [PeopleRoutes] });
  const apps = [await start(people()), await start(staff())];
  const answers = await Promise.all(apps.map((app) => login(app, 'genauth/own/password')));
  await Promise.all(apps.map(({ close }) => close()));
  const users = [people(), staff()].map((issuer) => ({ sub: subjectOf('alice', issuer) }));
  expect(answers.map(({ body }) => body['user'])).toMatchObject(users);
});

@Injectable()
class Clients {
  constructor(
    readonly people: GenAuthClient,
    @InjectGenAuthClient() readonly same: GenAuthClient,
    @InjectGenAuthClient('staff') readonly staff: GenAuthClient,
  ) {}
}

describe('a second application', () => {
  let running: RunningApp;
  beforeAll(async () => {
    const useFactory = (): GenAuthOptions => ({ ...staff().clientOptions, appId: STAFF_ID, name: 'staff' });
    const second = GenAuthModule.forRootAsync({ name: 'staff', useFactory });
    running = await startNestApp('Express', {
      imports: [GenAuthModule.forRoot(people().clientOptions), second],
      controllers: [PeopleRoutes, buildController('staff')],
      providers: [Clients],
    });
  });
  afterAll(() => running.close());

  it('has its own client under its own token', () => {
    const clients = running.app.get(Clients);
    expect([clients.people.options, clients.staff.options]).toMatchObject([
      { appId: APP_ID, name: 'genauth' },
      { appId: STAFF_ID, name: 'staff' },
    ]);
    expect(clients.same).toBe(clients.people);
    expect(running.app.get(getGenAuthClientToken())).toBe(clients.people);
    expect(running.app.get(getGenAuthClientToken('staff'))).toBe(clients.staff);
  });

  it('does not mix parallel logins with those of the first application', async () => {
    const paths = ['bare/password', 'own/password', 'bare/ad', 'own/ad'];
    const logins = paths.flatMap((path) => [
      { path: `genauth/${path}`, account: `people ${path}`, issuer: people() },
      { path: `staff/${path}`, account: `staff ${path}`, issuer: staff() },
    ]);
    const answers = await Promise.all(logins.map(({ path, account }) => login(running, path, account)));
    const users = logins.map(({ account, issuer }) => ({ sub: subjectOf(account, issuer) }));
    expect(answers.map(({ body }) => body['user'])).toMatchObject(users);
  });
});

it('refuses to start if the name in the options differs from the name in the module', async () => {
  const useFactory = (): GenAuthOptions => ({ ...people().clientOptions, name: 'staff' });
  const problem = "is 'staff' in the options and 'genauth' in the module";
  await expect(
    startNestApp('Express', { imports: [GenAuthModule.forRootAsync({ useFactory })] }),
  ).rejects.toMatchObject({
    code: 'invalid_options',
    details: { mistakes: [{ option: 'name', problem, fix: "write forRootAsync({ name: 'staff', … })" }] },
  });
});

it.each<[title: string, make: () => unknown]>([
  ['forRoot', () => GenAuthModule.forRoot(undefined as never)],
  ['useFactory', () => start({ useFactory: () => undefined as never })],
  ['forRoot, but a promise', () => GenAuthModule.forRoot(Promise.resolve({}) as never)],
  ['forRoot, but a client', () => GenAuthModule.forRoot(new GenAuthClient(people().clientOptions) as never)],
  ['useFactory, but a string', () => start({ useFactory: () => 'text' as never })],
  ['useFactory, as a promise', () => start({ useFactory: async () => null as never })],
])('names the options that %s does not get', async (_title, make) => {
  const problem = expect.stringMatching(
    /^of GenAuthModule are (undefined|null|"text"|a promise|an object of the class)/,
  );
  const mistakes = [{ option: 'options', problem }];
  await expect((async () => make())()).rejects.toMatchObject({ code: 'invalid_options', details: { mistakes } });
});

it.each<[title: string, metadata: ModuleMetadata]>([
  ['only the module', { imports: [GenAuthModule] }],
  ['a global guard', { imports: [GenAuthModule], providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard }] }],
  ['a provider that injects the client', { imports: [GenAuthModule], providers: [OwnUsers] }],
  ['a login route', { imports: [GenAuthModule, FeatureModule] }],
])('names forRoot if the class itself is imported, with %s', async (_title, metadata) => {
  const fix = 'write imports: [GenAuthModule.forRoot(options)] in place of imports: [GenAuthModule]';
  const mistakes = [{ option: 'GenAuthModule', problem: 'is imported without options', fix }];
  await expect(startNestApp('Express', metadata)).rejects.toMatchObject({
    code: 'invalid_options',
    details: { mistakes },
  });
});

it.each([
  ['undefined', undefined, 'undefined'],
  ['the options of the client', { appId: 'a', appHost: 'h' }, 'an object'],
  ['an undefined factory', { useFactory: undefined }, 'an object'],
])('names useFactory if forRootAsync gets %s', (_title, given, shown) => {
  const problem = `got ${shown} without useFactory, useClass, useExisting`;
  const fix = 'write forRootAsync({ useFactory: () => options }), or forRoot(options)';
  const mistakes = [{ option: 'GenAuthModule.forRootAsync', problem, fix }];
  expect(catchThrown(() => GenAuthModule.forRootAsync(given as never))).toMatchObject({ details: { mistakes } });
});

it.each([
  ['closeAtExpirey', 'write closeAtExpiry'],
  ['startup_check', 'write startupCheck'],
  ['onError', expect.stringMatching(/^remove it, or write one of appId, .*, verify, startupCheck, closeAtExpiry$/)],
])('names the fix for the unknown option %s', async (option, fix) => {
  const options = { ...people().clientOptions, [option]: true };
  const mistakes = [{ option, problem: 'is not an option', fix }];
  await expect(startNestApp('Express', { imports: [GenAuthModule.forRoot(options)] })).rejects.toMatchObject({
    details: { mistakes },
  });
});

function start(options: Parameters<typeof GenAuthModule.forRootAsync>[0]): Promise<unknown> {
  return startNestApp('Express', { imports: [GenAuthModule.forRootAsync(options)] });
}

const MOCKED = { appId: 'a', appSecret: 'b', appHost: 'http://127.0.0.1:1' };
it.each<[title: string, mock: unknown, missing: string]>([
  ['an empty object', {}, 'options, authenticate, signInRoute, warmUp, close'],
  ['a mock of public methods', { options: {}, signIn: () => {}, close: () => {} }, 'authenticate, signInRoute, warmUp'],
  ['a value', 'mock', '"mock"'],
])('names the members that %s in place of GenAuthClient lacks', async (_title, mock, missing) => {
  const imports = [GenAuthModule.forRoot(MOCKED)];
  const starting = Test.createTestingModule({ imports }).overrideProvider(GenAuthClient).useValue(mock).compile();
  await expect(starting).rejects.toMatchObject({
    details: { mistakes: [{ option: 'GenAuthClient', problem: expect.stringContaining(missing) }] },
  });
});

it('accepts a complete mock in place of GenAuthClient', async () => {
  const { options } = new GenAuthClient(MOCKED);
  const [user, claims] = [{ sub: 'of the mock' }, { exp: 1 }];
  const mock = {
    options,
    authenticate: async () => ({ user, claims }),
    signInRoute: () => {},
    warmUp: async () => {},
    close: () => {},
  };
  @Controller()
  class Me {
    @UseGuards(GenAuthGuard)
    @Get('me')
    me(@CurrentUser() current: object): object {
      return current;
    }
  }
  const imports = [GenAuthModule.forRoot(MOCKED)];
  const testing = Test.createTestingModule({ imports, controllers: [Me] });
  const module = await testing.overrideProvider(GenAuthClient).useValue(mock).compile();
  const app = module.createNestApplication(PLATFORMS.Express(), { logger: false });
  await app.listen(0, '127.0.0.1');
  const answer = await send(`${await app.getUrl()}/me`, { headers: { authorization: 'Bearer x' } });
  await app.close();
  expect(answer.body).toEqual(user);
});
