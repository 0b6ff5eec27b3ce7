import { type CanActivate, Controller, Injectable, Module, Post, type Type, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { GenAuthClient, type GenAuthOptions } from '../../src/index.js';
import {
  GenAuthAdGuard,
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
import { type RunningApp, send, startNestApp } from '../support/nest-app.js';

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
  ['useFactory, as a promise', () => start({ useFactory: async () => null as never })],
])('names the options that %s does not get', async (_title, make) => {
  const mistakes = [{ option: 'options', problem: expect.stringMatching(/^of GenAuthModule are (undefined|null)$/) }];
  await expect((async () => make())()).rejects.toMatchObject({ code: 'invalid_options', details: { mistakes } });
});

function start(options: Parameters<typeof GenAuthModule.forRootAsync>[0]): Promise<unknown> {
  return startNestApp('Express', { imports: [GenAuthModule.forRootAsync(options)] });
}
