import {
  type CanActivate,
  Controller,
  Get,
  type INestApplication,
  Injectable,
  type Provider,
  Scope,
} from '@nestjs/common';
import { APP_GUARD, Reflector } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { GenAuthClient } from '../../src/index.js';
import { GenAuthGuard, GenAuthModule, getGenAuthClientToken } from '../../src/nest/index.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { useIssuer } from '../support/issuer.js';
import { type RunningApp, send, startNestApp } from '../support/nest-app.js';
import { catchError } from '../support/promise.js';

failOnUnhandledRejections();
const issuer = useIssuer();

@Controller()
class Me {
  @Get('me')
  me(): object {
    return {};
  }
}

@Injectable()
class OtherGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

type Guard = typeof GenAuthGuard;
interface Way {
  provide?: (Guard: Guard, name: string) => Provider;
  prepare?: (app: INestApplication, Guard: Guard) => void;
}

@Injectable({ scope: Scope.REQUEST })
class ScopedGuard extends GenAuthGuard {}
@Injectable({ scope: Scope.REQUEST })
class ScopedStaffGuard extends GenAuthGuard.named('staff') {}
const toScopedClass = (name: string): Guard => (name === 'staff' ? ScopedStaffGuard : ScopedGuard);

/** Each way to make a guard global. */
const WAYS: Readonly<Record<string, Way>> = {
  'APP_GUARD with useExisting': { provide: (Guard) => ({ provide: APP_GUARD, useExisting: Guard }) },
  'APP_GUARD with useClass': { provide: (Guard) => ({ provide: APP_GUARD, useClass: Guard }) },
  'APP_GUARD with useFactory': {
    provide: (Guard, name) => ({
      provide: APP_GUARD,
      inject: [getGenAuthClientToken(name), Reflector],
      useFactory: (client: GenAuthClient<string>, reflector: Reflector) => new Guard(client, reflector),
    }),
  },
  'APP_GUARD with useClass, request-scoped': {
    provide: (Guard) => ({ provide: APP_GUARD, useClass: Guard, scope: Scope.REQUEST }),
  },
  'APP_GUARD with useClass of a request-scoped class': {
    provide: (_Guard, name) => ({ provide: APP_GUARD, useClass: toScopedClass(name) }),
  },
  'APP_GUARD with useFactory, request-scoped': {
    provide: (Guard) => ({
      provide: APP_GUARD,
      scope: Scope.REQUEST,
      inject: [OtherGuard, Guard],
      useFactory: (_other: OtherGuard, guard: GenAuthGuard) => guard,
    }),
  },
  useGlobalGuards: { prepare: (app, Guard) => void app.useGlobalGuards(app.get(Guard)) },
};

const started: RunningApp[] = [];
afterEach(async () => {
  for (const app of started.splice(0)) await app.close();
});

async function start(guards: readonly (readonly [name: string, way: Way])[]): Promise<RunningApp> {
  const options = issuer().clientOptions;
  const running = await startNestApp(
    'Express',
    {
      imports: [GenAuthModule.forRoot(options), GenAuthModule.forRoot({ ...options, name: 'staff' })],
      controllers: [Me],
      providers: [
        OtherGuard,
        ...guards.flatMap(([name, { provide }]) => provide?.(GenAuthGuard.named(name), name) ?? []),
      ],
    },
    {
      prepare: (app) => guards.forEach(([name, { prepare }]) => prepare?.(app, GenAuthGuard.named(name))),
    },
  );
  started.push(running);
  return running;
}

const EXISTING = WAYS['APP_GUARD with useExisting'] as Way;
const LABELS = { genauth: 'GenAuthGuard', staff: "GenAuthGuard.named('staff')" } as const;

describe.each(Object.entries(WAYS))('by %s', (_title, way) => {
  it.each([
    ['genauth', 'staff'],
    ['staff', 'genauth'],
  ] as const)('refuses to start with the global guards of %s and %s', async (first, second) => {
    // Nest lists request-scoped guards and those of useGlobalGuards after the others.
    const error = await catchError(
      start([
        [first, EXISTING],
        [second, way],
      ]),
    );
    const problem = `makes two guards global, ${LABELS[first]} and ${LABELS[second]}`;
    const fix =
      `keep one of them, ${LABELS[first]} for example, and write @Public() @UseGuards(${LABELS[second]}) ` +
      'on the routes of the other';
    expect(error).toMatchObject({
      name: 'ConfigurationError',
      code: 'invalid_options',
      message: `APP_GUARD ${problem}: ${fix}.`,
      details: { mistakes: [{ option: 'APP_GUARD', problem, fix }] },
    });
  });

  it('refuses to start with two global guards of one name', async () => {
    const error = await catchError(
      start([
        ['staff', EXISTING],
        ['staff', way],
      ]),
    );
    expect(error.message).toBe(
      "APP_GUARD makes two guards global, GenAuthGuard.named('staff') and GenAuthGuard.named('staff'): " +
        'remove one of the two registrations.',
    );
  });

  it.each(['genauth', 'staff'])('starts with the global guard of %s alone', async (name) => {
    const running = await start([[name, way]]);
    expect((await send(`${running.url}/me`)).status).toBe(401);
    const authorization = `Bearer ${issuer().sign(issuer().accessTokenClaims())}`;
    expect((await send(`${running.url}/me`, { headers: { authorization } })).status).toBe(200);
  });
});

it.each<[string, Way]>([
  ['a guard of another library', { provide: () => ({ provide: APP_GUARD, useClass: OtherGuard }) }],
  ["AuthGuard('staff-bearer')", { provide: () => ({ provide: APP_GUARD, useClass: AuthGuard('staff-bearer') }) }],
  [
    'a request-scoped factory that combines two guards',
    {
      provide: () => ({
        provide: APP_GUARD,
        scope: Scope.REQUEST,
        inject: [GenAuthGuard, GenAuthGuard.named('staff')],
        useFactory: () => new OtherGuard(),
      }),
    },
  ],
])('starts with a global GenAuthGuard and %s', async (_title, way) => {
  const running = await start([
    ['genauth', EXISTING],
    ['staff', way],
  ]);
  expect((await send(`${running.url}/me`)).status).toBe(401);
});
