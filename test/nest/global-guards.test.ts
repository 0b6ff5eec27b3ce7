import { type CanActivate, Controller, Get, type INestApplication, Injectable, type Provider } from '@nestjs/common';
import { Scope } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { GenAuthGuard, GenAuthModule } from '../../src/nest/index.js';
import { buildHandlers } from '../support/handlers.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { useIssuer } from '../support/issuer.js';
import { type RunningApp, send, startNestApp } from '../support/nest-app.js';

failOnUnhandledRejections();
const issuer = useIssuer();

const Me = buildHandlers({ me: [Get('me')] }, Controller());

@Injectable()
class OtherGuard implements CanActivate {
  canActivate = (): boolean => true;
}
const StaffGuard = GenAuthGuard.named('staff');

const global = (provider: object): Provider => ({ provide: APP_GUARD, ...provider }) as Provider;
const GENAUTH = global({ useExisting: GenAuthGuard });
const STAFF = global({ useExisting: StaffGuard });

function start(providers: Provider[], prepare: (app: INestApplication) => void = () => {}): Promise<RunningApp> {
  const options = issuer().clientOptions;
  const imports = [GenAuthModule.forRoot(options), GenAuthModule.forRoot({ ...options, name: 'staff' })];
  return startNestApp('Express', { imports, controllers: [Me], providers: [OtherGuard, ...providers] }, { prepare });
}

const PROBLEM = "makes two guards global, GenAuthGuard and GenAuthGuard.named('staff')";
const FIX =
  'keep one of them, GenAuthGuard for example, and write @Public() ' +
  "@UseGuards(GenAuthGuard.named('staff')) on the routes of the other";
const SCOPED_FACTORY = {
  inject: [OtherGuard, StaffGuard],
  useFactory: (_other: OtherGuard, guard: GenAuthGuard) => guard,
};

it.each<[way: string, providers: Provider[], prepare?: (app: INestApplication) => void]>([
  ['APP_GUARD with useExisting', [STAFF]],
  ['APP_GUARD with useClass, request-scoped', [global({ useClass: StaffGuard, scope: Scope.REQUEST })]],
  ['APP_GUARD with useFactory, request-scoped', [global({ ...SCOPED_FACTORY, scope: Scope.REQUEST })]],
  ['useGlobalGuards', [], (app) => void app.useGlobalGuards(app.get(StaffGuard))],
])('refuses to start with a second global guard by %s', async (...[, providers, prepare]) => {
  await expect(start([GENAUTH, ...providers], prepare)).rejects.toMatchObject({
    code: 'invalid_options',
    details: { mistakes: [{ option: 'APP_GUARD', problem: PROBLEM, fix: FIX }] },
  });
});

it('refuses to start with two global guards of one name', async () => {
  await expect(start([STAFF, global({ useClass: StaffGuard })])).rejects.toMatchObject({
    details: { mistakes: [{ fix: 'remove one of the two registrations' }] },
  });
});

const COMBINED = { inject: [GenAuthGuard, StaffGuard], useFactory: () => new OtherGuard(), scope: Scope.REQUEST };
it.each<[string, Provider]>([
  ['a guard of another library', global({ useClass: OtherGuard })],
  ["AuthGuard('staff-bearer')", global({ useClass: AuthGuard('staff-bearer') })],
  ['a request-scoped factory that combines two guards', global(COMBINED)],
])('starts with a global GenAuthGuard and %s', async (_title, provider) => {
  const { url, close } = await start([GENAUTH, provider]);
  const { status } = await send(`${url}/me`);
  await close();
  expect(status).toBe(401);
});
