import { type CanActivate, Controller, Injectable, Post, type Provider, type Type, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { GenAuthClient, GenAuthPasswordStrategy } from '../../src/index.js';
import { GenAuthAdGuard, GenAuthGuard, GenAuthModule, GenAuthPasswordGuard, Public } from '../../src/nest/index.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { Issuer, SIGN_IN_PATH } from '../support/issuer.js';
import { type RunningApp, send, startNestApp } from '../support/nest-app.js';

failOnUnhandledRejections();

/** Lets everybody in, and is none of ours. */
@Injectable()
class OtherGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

/** What a route wants of whoever calls it. */
type Needs = 'nothing' | 'login' | 'token' | 'both';
type Row = readonly [title: string, needs: Needs, decorators: readonly (ClassDecorator & MethodDecorator)[]];

/** What may stand on a handler, or on its class, in an application with that name. */
function listRows(name: string, strategy: GenAuthPasswordStrategy<string>): Row[] {
  const [Bearer, Password, Ad] = [GenAuthGuard, GenAuthPasswordGuard, GenAuthAdGuard].map((Guard) => Guard.named(name));
  if (!Bearer || !Password || !Ad) throw new Error('there are three');
  const BarePassword = AuthGuard(`${name}-password`);
  class LocalGuard extends AuthGuard(`${name}-password`) {}
  class LocalAdGuard extends AuthGuard(`${name}-ad`) {}
  class LocalerGuard extends LocalGuard {}
  class OwnGuard extends (Password as typeof GenAuthPasswordGuard) {
    constructor() {
      super(strategy);
    }
  }
  const use = (...guards: (Type<CanActivate> | CanActivate)[]): ClassDecorator & MethodDecorator =>
    UseGuards(...guards);
  return [
    ['no guard', 'token', []],
    ['@Public', 'nothing', [Public()]],
    ["AuthGuard('password')", 'login', [use(BarePassword)]],
    ["AuthGuard('ad')", 'login', [use(AuthGuard(`${name}-ad`))]],
    ["AuthGuard(['password'])", 'login', [use(AuthGuard([`${name}-password`]))]],
    ["AuthGuard(['password', 'ad'])", 'login', [use(AuthGuard([`${name}-password`, `${name}-ad`]))]],
    ["AuthGuard(['ad', 'password'])", 'login', [use(AuthGuard([`${name}-ad`, `${name}-password`]))]],
    ['a class that extends it', 'login', [use(LocalGuard)]],
    ['a class that extends the one of AD', 'login', [use(LocalAdGuard)]],
    ['a class that extends that', 'login', [use(LocalerGuard)]],
    ['an instance of AuthGuard', 'login', [use(new BarePassword())]],
    ['an instance of a class that extends it', 'login', [use(new LocalerGuard())]],
    ['our password guard', 'login', [use(Password)]],
    ['our AD guard', 'login', [use(Ad)]],
    ['a class that extends ours', 'login', [use(OwnGuard)]],
    ['an instance of ours', 'login', [use(new OwnGuard())]],
    ['a guard of another sort before the login', 'login', [use(OtherGuard, Password)]],
    ['a guard of another sort in a decorator of its own', 'login', [use(OtherGuard), use(LocalGuard)]],
    ['two logins', 'login', [use(Password, LocalGuard)]],
    ['our guard', 'token', [use(Bearer)]],
    ['our guard under @Public', 'token', [Public(), use(Bearer)]],
    ['our guard before our login', 'both', [use(Bearer, Password)]],
    ['our guard after our login', 'both', [use(Password, Bearer)]],
    ['our guard and AuthGuard, in two decorators', 'both', [use(Bearer), use(BarePassword)]],
    ['our guard and a class that extends AuthGuard', 'both', [use(LocalerGuard, Bearer)]],
    ["AuthGuard('bearer')", 'token', [use(AuthGuard(`${name}-bearer`))]],
    ["AuthGuard('bearer') under @Public", 'token', [Public(), use(AuthGuard(`${name}-bearer`))]],
    ["AuthGuard(['bearer', 'password'])", 'token', [use(AuthGuard([`${name}-bearer`, `${name}-password`]))]],
    ['a guard of another sort', 'token', [use(OtherGuard)]],
    ['an instance of another sort', 'token', [use(new OtherGuard())]],
    ['an object that is a guard', 'token', [use({ canActivate: () => true })]],
    ['a login under @Public', 'login', [Public(), use(Password)]],
  ];
}

function buildController(path: string, place: string, decorators: Row[2]): Type {
  const [onClass, onHandler] = place === 'its class' ? [decorators, []] : [[], decorators];
  class Routes {
    post(): object {
      return {};
    }
  }
  for (const decorate of onClass) decorate(Routes);
  const descriptor = Object.getOwnPropertyDescriptor(Routes.prototype, 'post') ?? {};
  for (const decorate of onHandler) decorate(Routes.prototype, 'post', descriptor);
  Post()(Routes.prototype, 'post', descriptor);
  Controller(path)(Routes);
  return Routes;
}

/** What comes back with nothing, with credentials, with a token, and with both. */
const STATUSES: Readonly<Record<Needs, readonly number[]>> = {
  nothing: [201, 201, 201, 201],
  login: [400, 201, 400, 201],
  token: [401, 401, 201, 201],
  both: [401, 401, 400, 201],
};
const CREDENTIALS = { account: 'alice', sAMAccountName: 'alice', password: 'p' };

const WAYS: readonly (readonly [string, (Guard: typeof GenAuthGuard) => Provider | undefined])[] = [
  ['APP_GUARD, useExisting', (Guard) => ({ provide: APP_GUARD, useExisting: Guard })],
  ['APP_GUARD, useClass', (Guard) => ({ provide: APP_GUARD, useClass: Guard })],
  ['useGlobalGuards', () => undefined],
];
const CASES = ['genauth', 'staff'].flatMap((name) => [
  ...WAYS.map(([way, provide]) => [name, 'Express', way, provide] as const),
  ...WAYS.slice(0, 1).map(([way, provide]) => [name, 'Fastify', way, provide] as const),
]);

describe.each(CASES)('%s behind the global guard on %s, by %s', (name, platform, _way, provide) => {
  let issuer: Issuer;
  let running: RunningApp;
  let rows: Row[];

  beforeAll(async () => {
    issuer = await Issuer.start();
    rows = listRows(name, new GenAuthPasswordStrategy(new GenAuthClient<string>(issuer.clientOptions)));
    const Guard = GenAuthGuard.named(name);
    const provider = provide(Guard);
    running = await startNestApp(
      platform,
      {
        imports: [GenAuthModule.forRoot({ ...issuer.clientOptions, name })],
        controllers: ['its handler', 'its class'].flatMap((place, p) =>
          rows.map(([, , decorators], i) => buildController(`${p}/${i}`, place, decorators)),
        ),
        providers: provider === undefined ? [] : [provider],
      },
      provider === undefined ? { prepare: (app) => void app.useGlobalGuards(app.get(Guard)) } : {},
    );
    issuer.replySignIn();
  });
  afterAll(async () => {
    await running.close();
    await issuer.close();
  });

  it.each([
    ['its handler', 0],
    ['its class', 1],
  ])('every route wants what stands on %s', async (_place, p) => {
    const authorization = `Bearer ${issuer.sign(issuer.accessTokenClaims())}`;
    const seen: unknown[] = [];
    for (const i of rows.keys()) {
      const statuses: number[] = [];
      for (const headers of [{}, { authorization }]) {
        for (const body of [{}, CREDENTIALS]) {
          statuses.push((await send(`${running.url}/${p}/${i}`, { method: 'POST', body, headers })).status);
        }
      }
      seen.push([rows[i]?.[0], statuses]);
    }
    expect(seen).toEqual(rows.map(([title, needs]) => [title, STATUSES[needs]]));
  });

  it('what wants a token asks for it before anything else, and GenAuth hears nothing', async () => {
    const before = issuer.count(SIGN_IN_PATH);
    for (const [i, [title, needs]] of rows.entries()) {
      if (needs !== 'token' && needs !== 'both') continue;
      for (const [headers, code] of [
        [{}, 'token_missing'],
        [{ authorization: 'Bearer garbage' }, 'invalid_token'],
      ] as const) {
        const answer = await send(`${running.url}/0/${i}`, { method: 'POST', body: CREDENTIALS, headers });
        expect([title, answer.body['code']]).toEqual([title, code]);
        expect(answer.headers.get('www-authenticate')).toMatch(/^Bearer realm="genauth"/);
      }
    }
    expect(issuer.count(SIGN_IN_PATH)).toBe(before);
  });
});
