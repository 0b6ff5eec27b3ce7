import { Controller, HttpCode, Injectable, Module, Post, type Type, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { GenAuthClient, type GenAuthOptions, type SignInInfo } from '../../src/index.js';
import {
  AuthInfo,
  GenAuthAdGuard,
  GenAuthModule,
  type GenAuthOptionsFactory,
  GenAuthPasswordGuard,
  InjectGenAuthClient,
  getGenAuthClientToken,
} from '../../src/nest/index.js';
import { admitEverybody, subjectOf } from '../support/admission.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { APP_ID, Issuer, JWKS_PATH, SIGN_IN_PATH } from '../support/issuer.js';
import { type RunningApp, send, startNestApp } from '../support/nest-app.js';

failOnUnhandledRejections();
const STAFF_ID = '65f0c1d2e3a4b5c6d7e8f999';

/** Login routes of the application with that `name`, below a path of the same name. */
function buildController(name: string): Type {
  @Controller(name)
  class Routes {
    @UseGuards(AuthGuard(`${name}-password`))
    @HttpCode(200)
    @Post('bare/password')
    barePassword(@AuthInfo() { claims }: SignInInfo): object {
      return claims;
    }

    @UseGuards(GenAuthPasswordGuard.named(name))
    @HttpCode(200)
    @Post('own/password')
    ownPassword(@AuthInfo() { claims }: SignInInfo): object {
      return claims;
    }

    @UseGuards(AuthGuard(`${name}-ad`))
    @HttpCode(200)
    @Post('bare/ad')
    bareAd(@AuthInfo() { claims }: SignInInfo): object {
      return claims;
    }

    @UseGuards(GenAuthAdGuard.named(name))
    @HttpCode(200)
    @Post('own/ad')
    ownAd(@AuthInfo() { claims }: SignInInfo): object {
      return claims;
    }
  }
  return Routes;
}
const PeopleRoutes = buildController('genauth');
const StaffRoutes = buildController('staff');

@Injectable()
class Clients {
  constructor(
    readonly people: GenAuthClient,
    @InjectGenAuthClient() readonly same: GenAuthClient,
    @InjectGenAuthClient('staff') readonly staff: GenAuthClient,
  ) {}
}

let people: Issuer;
let staff: Issuer;
beforeAll(async () => {
  [people, staff] = [await Issuer.start(), await Issuer.start()];
});
beforeEach(() => {
  for (const issuer of [people, staff]) {
    issuer.reset();
    admitEverybody(issuer);
  }
});
afterAll(() => Promise.all([people.close(), staff.close()]));

const login = ({ url }: RunningApp, path: string, account = 'alice'): ReturnType<typeof send> =>
  send(`${url}/${path}`, { method: 'POST', body: { account, password: 'p' } });
const loginAd = ({ url }: RunningApp, path: string, account = 'alice'): ReturnType<typeof send> =>
  send(`${url}/${path}`, { method: 'POST', body: { sAMAccountName: account, password: 'p' } });

@Injectable()
class OptionsService implements GenAuthOptionsFactory {
  createGenAuthOptions(): GenAuthOptions {
    return people.clientOptions;
  }
}
@Module({ providers: [OptionsService], exports: [OptionsService] })
class ConfigModule {}
@Module({ controllers: [PeopleRoutes] })
class FeatureModule {}

it.each<[way: string, importModule: () => ReturnType<typeof GenAuthModule.forRoot>]>([
  ['forRoot', () => GenAuthModule.forRoot(people.clientOptions)],
  ['an asynchronous useFactory', () => GenAuthModule.forRootAsync({ useFactory: async () => people.clientOptions })],
  [
    'useFactory with inject',
    () =>
      GenAuthModule.forRootAsync({
        imports: [ConfigModule],
        inject: [OptionsService],
        useFactory: (service: OptionsService) => service.createGenAuthOptions(),
      }),
  ],
  ['useClass', () => GenAuthModule.forRootAsync({ useClass: OptionsService })],
  ['useExisting', () => GenAuthModule.forRootAsync({ imports: [ConfigModule], useExisting: OptionsService })],
])('serves the controllers of other modules, imported by %s', async (_way, importModule) => {
  const running = await startNestApp('Express', { imports: [importModule(), FeatureModule] });
  await running.app.get(GenAuthClient).warmUp();
  const answers = [await login(running, 'genauth/own/password'), await login(running, 'genauth/bare/password')];
  await running.close();
  const expected = { status: 200, body: { aud: APP_ID } };
  expect(answers).toMatchObject([expected, expected]);
  expect(people.count(JWKS_PATH)).toBe(1);
});

it('does not start with wrong options, and describes every mistake', async () => {
  const wrong = { appId: 'app', appHost: 'example.genauth.ai', scopes: ['openid'] } as unknown as GenAuthOptions;
  await expect(startNestApp('Express', { imports: [GenAuthModule.forRoot(wrong)] })).rejects.toMatchObject({
    code: 'invalid_options',
    details: { mistakes: ['scopes', 'appSecret', 'appHost'].map((option) => expect.objectContaining({ option })) },
  });
});

it('lets the own guards of two Nest applications in one process use their own GenAuth', async () => {
  const start = (issuer: Issuer): Promise<RunningApp> =>
    startNestApp('Express', { imports: [GenAuthModule.forRoot(issuer.clientOptions)], controllers: [PeopleRoutes] });
  const [first, second] = [await start(people), await start(staff)];
  const subjects = [await login(first, 'genauth/own/password'), await login(second, 'genauth/own/password')];
  await Promise.all([first.close(), second.close()]);
  expect(subjects.map(({ body }) => body['sub'])).toEqual([people, staff].map((issuer) => subjectOf('alice', issuer)));
});

class StaffOptions {
  createGenAuthOptions(): GenAuthOptions {
    return { ...staff.clientOptions, appId: STAFF_ID, language: 'zh' };
  }
}
const staffOptions = (): GenAuthOptions => new StaffOptions().createGenAuthOptions();

describe.each<[way: string, importStaff: () => ReturnType<typeof GenAuthModule.forRoot>]>([
  ['forRoot', () => GenAuthModule.forRoot({ ...staffOptions(), name: 'staff' })],
  ['useFactory', () => GenAuthModule.forRootAsync({ name: 'staff', useFactory: async () => staffOptions() })],
  [
    'useFactory with the same name',
    () => GenAuthModule.forRootAsync({ name: 'staff', useFactory: () => ({ ...staffOptions(), name: 'staff' }) }),
  ],
  ['useClass', () => GenAuthModule.forRootAsync({ name: 'staff', useClass: StaffOptions })],
])('a second application that is imported by %s', (_way, importStaff) => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startNestApp('Express', {
      imports: [GenAuthModule.forRoot(people.clientOptions), importStaff()],
      controllers: [PeopleRoutes, StaffRoutes],
      providers: [Clients],
    });
  });
  afterAll(() => running.close());

  it.each(['bare', 'own'])('signs in at its own GenAuth through the %s guards', async (guards) => {
    const answers = [await login(running, `staff/${guards}/password`), await loginAd(running, `staff/${guards}/ad`)];
    const expected = { status: 200, body: { iss: staff.issuer, sub: subjectOf('alice', staff), aud: STAFF_ID } };
    expect(answers).toMatchObject([expected, expected]);
    expect([people, staff].map((issuer) => issuer.count(SIGN_IN_PATH))).toEqual([0, 2]);
  });

  it.each(['bare', 'own'])('has its own language through the %s guards', async (guards) => {
    for (const issuer of [people, staff]) issuer.reply(SIGN_IN_PATH, { body: { statusCode: 403, apiCode: 2333 } });
    const answers = [
      await login(running, `genauth/${guards}/password`),
      await login(running, `staff/${guards}/password`),
    ];
    expect(answers.map(({ body }) => body['message'])).toEqual([
      'The account or the password is wrong.',
      '账号或密码错误。',
    ]);
  });

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

  it('does not mix 40 parallel logins with those of the first application', async () => {
    const ways = [
      ['genauth/bare/password', people],
      ['staff/own/password', staff],
      ['genauth/own/password', people],
      ['staff/bare/password', staff],
    ] as const;
    const logins = Array.from({ length: 10 }, (_, i) =>
      ways.map(([path, issuer]) => [path, issuer, `user-${i}`] as const),
    );
    const answers = await Promise.all(logins.flat().map(([path, , account]) => login(running, path, account)));
    expect(answers.map(({ body }) => body['sub'])).toEqual(
      logins.flat().map(([, issuer, account]) => subjectOf(account, issuer)),
    );
  });
});

describe('a name', () => {
  it.each<[title: string, name: string | undefined, own: string | undefined, problem: RegExp]>([
    ['that differs in the factory', 'staff', 'people', /^is 'people' in the options and 'staff' in the module$/],
    ['that only the factory has', undefined, 'staff', /^is 'staff' in the options and 'genauth' in the module$/],
    ['that is the default in the factory', 'staff', 'genauth', /^is 'genauth' in the options and 'staff' in the/],
    ['that is not valid', '../staff', undefined, /"\.\.\/staff"/],
  ])('%s stops the start', async (_title, name, own, problem) => {
    const useFactory = (): GenAuthOptions => ({ ...people.clientOptions, ...(own === undefined ? {} : { name: own }) });
    const imports = [GenAuthModule.forRootAsync({ ...(name === undefined ? {} : { name }), useFactory })];
    await expect(startNestApp('Express', { imports })).rejects.toMatchObject({
      code: 'invalid_options',
      details: { mistakes: [{ option: 'name', problem: expect.stringMatching(problem) }] },
    });
  });

  it('that no module has is part of the error of Nest', async () => {
    const imports = [GenAuthModule.forRoot(people.clientOptions)];
    const starting = startNestApp('Express', { imports, controllers: [buildController('unknown')] });
    await expect(starting).rejects.toThrow(/passport-genauth:unknown:/);
  });
});
