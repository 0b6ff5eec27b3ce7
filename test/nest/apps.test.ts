import { Controller, Get, HttpCode, Injectable, Post, type Type, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { GenAuthClient, type GenAuthOptions, type GenAuthTokenUser, type SignInInfo } from '../../src/index.js';
import {
  AuthInfo,
  CurrentUser,
  GenAuthAdGuard,
  GenAuthGuard,
  GenAuthModule,
  GenAuthPasswordGuard,
  InjectGenAuthClient,
  getGenAuthClientToken,
} from '../../src/nest/index.js';
import { admitEverybody, subjectOf } from '../support/admission.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { APP_ID, Issuer, SIGN_IN_PATH } from '../support/issuer.js';
import { PLATFORMS, type Platform, type RunningApp, send, startNestApp } from '../support/nest-app.js';

failOnUnhandledRejections();

const STAFF_ID = '65f0c1d2e3a4b5c6d7e8f999';

/** Every guard of one application, below a path of its own. */
function buildController(path: string, name: string): Type {
  @Controller(path)
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

    @UseGuards(AuthGuard(`${name}-bearer`))
    @Get('bare/me')
    bareMe(@CurrentUser() user: GenAuthTokenUser): object {
      return user;
    }

    @UseGuards(GenAuthGuard.named(name))
    @Get('own/me')
    ownMe(@CurrentUser() user: GenAuthTokenUser): object {
      return user;
    }
  }
  return Routes;
}

const PeopleRoutes = buildController('people', 'genauth');
const StaffRoutes = buildController('staff', 'staff');

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
afterAll(() => Promise.all([people.close(), staff.close()]));

const staffOptions = (): GenAuthOptions => ({ ...staff.clientOptions, appId: STAFF_ID, language: 'zh' });
class StaffOptions {
  createGenAuthOptions(): GenAuthOptions {
    return staffOptions();
  }
}

/** Each way to import the second application. */
const WAYS: readonly (readonly [string, () => ReturnType<typeof GenAuthModule.forRoot>])[] = [
  ['forRoot', () => GenAuthModule.forRoot({ ...staffOptions(), name: 'staff' })],
  ['useFactory', () => GenAuthModule.forRootAsync({ name: 'staff', useFactory: async () => staffOptions() })],
  [
    'useFactory that repeats the name',
    () => GenAuthModule.forRootAsync({ name: 'staff', useFactory: () => ({ ...staffOptions(), name: 'staff' }) }),
  ],
  ['useClass', () => GenAuthModule.forRootAsync({ name: 'staff', useClass: StaffOptions })],
];
const CASES = WAYS.flatMap(([way, importStaff]) =>
  (Object.keys(PLATFORMS) as Platform[]).map((platform) => [platform, way, importStaff] as const),
);

describe.each(CASES)('two applications on %s, the second by %s', (platform, way, importStaff) => {
  let running: RunningApp;
  beforeAll(async () => {
    running = await startNestApp(platform, {
      imports: [GenAuthModule.forRoot(people.clientOptions), importStaff()],
      controllers: [PeopleRoutes, StaffRoutes],
      providers: [Clients],
    });
  });
  afterAll(() => running.close());
  beforeEach(() => {
    for (const issuer of [people, staff]) {
      issuer.reset();
      admitEverybody(issuer);
    }
  });
  const bodyOf = (connection: string, account: string): object =>
    connection === 'ad' ? { sAMAccountName: account, password: 'p' } : { account, password: 'p' };
  const login = (path: string, account = 'alice', headers: Record<string, string> = {}) =>
    send(`${running.url}/${path}`, { method: 'POST', body: bodyOf(path.split('/').at(-1) ?? '', account), headers });

  it.each(['bare/password', 'own/password', 'bare/ad', 'own/ad'])('%s signs in at its own GenAuth', async (route) => {
    for (const [path, issuer, other, aud] of [
      ['people', people, staff, APP_ID],
      ['staff', staff, people, STAFF_ID],
    ] as const) {
      for (const each of [people, staff]) each.requests.length = 0;
      const { status, body } = await login(`${path}/${route}`);
      expect([status, body]).toMatchObject([200, { iss: issuer.issuer, sub: subjectOf('alice', issuer), aud }]);
      expect([issuer, other].map((each) => each.count(SIGN_IN_PATH))).toEqual([1, 0]);
    }
  });

  it.each(['bare/password', 'own/password', 'bare/ad', 'own/ad'])('%s has its own language', async (route) => {
    for (const issuer of [people, staff]) issuer.reply(SIGN_IN_PATH, { body: { statusCode: 403, apiCode: 2333 } });
    const answers = [await login(`people/${route}`), await login(`staff/${route}`)];
    expect(answers.map(({ status, body }) => [status, body['message']])).toEqual([
      [401, 'The account or the password is wrong.'],
      [401, '账号或密码错误。'],
    ]);
  });

  it.each(['bare/me', 'own/me'])('/%s: a token of one application is refused by the other', async (route) => {
    const tokens = {
      people: people.sign(people.accessTokenClaims()),
      staff: staff.sign(staff.accessTokenClaims({ aud: STAFF_ID })),
      'the other app of the same GenAuth': staff.sign(staff.accessTokenClaims()),
    };
    const seen: unknown[] = [];
    for (const path of ['people', 'staff']) {
      for (const token of Object.values(tokens)) {
        const headers = { authorization: `Bearer ${token}` };
        const { status, body } = await send(`${running.url}/${path}/${route}`, { headers });
        seen.push([path, status, body['code']]);
      }
    }
    expect(seen).toEqual([
      ['people', 200, undefined],
      ['people', 401, 'invalid_token'],
      ['people', 401, 'invalid_token'],
      ['staff', 401, 'invalid_token'],
      ['staff', 200, undefined],
      ['staff', 401, 'invalid_token'],
    ]);
  });

  it('gives each client under its own token', () => {
    const clients = running.app.get(Clients);
    expect([clients.people.options.appId, clients.staff.options.appId]).toEqual([APP_ID, STAFF_ID]);
    expect([clients.people.options.name, clients.staff.options.name]).toEqual(['genauth', 'staff']);
    expect(clients.same).toBe(clients.people);
    expect(running.app.get(getGenAuthClientToken())).toBe(clients.people);
    expect(running.app.get(getGenAuthClientToken('genauth'))).toBe(clients.people);
    expect(running.app.get(getGenAuthClientToken('staff'))).toBe(clients.staff);
  });

  // One way is enough for what takes seconds.
  const CROWD = 20;
  const PEOPLE = way === 'forRoot' ? 1000 : 40;
  it(`${PEOPLE} logins, through every guard of both at once, never mix`, async () => {
    const routes = ['people/bare', 'staff/own', 'people/own', 'staff/bare'];
    const one = async (i: number): Promise<unknown> => {
      const path = `${routes[i % 4]}/${i % 3 === 0 ? 'ad' : 'password'}`;
      const { body } = await login(path, `person-${i}`);
      return [i, body['sub'], body['aud']];
    };
    const answers: unknown[] = [];
    for (let start = 0; start < PEOPLE; start += CROWD) {
      answers.push(...(await Promise.all(Array.from({ length: CROWD }, (_, i) => one(start + i)))));
    }
    const expected = Array.from({ length: PEOPLE }, (_, i) =>
      i % 2 === 0 ? [i, subjectOf(`person-${i}`, people), APP_ID] : [i, subjectOf(`person-${i}`, staff), STAFF_ID],
    );
    expect(answers).toEqual(expected);
    expect([people.count(SIGN_IN_PATH), staff.count(SIGN_IN_PATH)]).toEqual([PEOPLE / 2, PEOPLE / 2]);
  }, 60_000);
});

describe('a name', () => {
  it.each([
    [
      'in the module, another in the factory',
      'staff',
      'people',
      /name is 'people' in the options and 'staff' in the module/,
    ],
    [
      'in the factory alone',
      undefined,
      'staff',
      /name is 'staff' in the options and 'genauth' in the module.*forRootAsync\(\{ name: 'staff'/,
    ],
    [
      'in the module, the default in the factory',
      'staff',
      'genauth',
      /name is 'genauth' in the options and 'staff' in the module/,
    ],
    ['that is none', '../staff', undefined, /name is "\.\.\/staff": write letters, digits/],
  ])('%s: the application does not start, and says why', async (_case, name, own, message) => {
    const useFactory = (): GenAuthOptions => ({ ...people.clientOptions, ...(own === undefined ? {} : { name: own }) });
    const imports = [GenAuthModule.forRootAsync({ ...(name === undefined ? {} : { name }), useFactory })];
    await expect(startNestApp('Express', { imports })).rejects.toMatchObject({
      name: 'ConfigurationError',
      code: 'invalid_options',
      message: expect.stringMatching(message),
    });
  });

  it('that no module has: the application does not start, and says which', async () => {
    const app = startNestApp('Express', {
      imports: [GenAuthModule.forRoot(people.clientOptions)],
      controllers: [buildController('nobody', 'nobody')],
    });
    await expect(app).rejects.toThrow(/passport-genauth:nobody:/);
  });

  it('has one guard of each sort, whenever it is asked for', () => {
    for (const Guard of [GenAuthGuard, GenAuthPasswordGuard, GenAuthAdGuard]) {
      expect(Guard.named('genauth')).toBe(Guard);
      expect(Guard.named('staff')).toBe(Guard.named('staff'));
      expect(Guard.named('staff')).not.toBe(Guard.named('people'));
      expect(Guard.named('staff').prototype).toBeInstanceOf(Guard);
    }
  });
});
