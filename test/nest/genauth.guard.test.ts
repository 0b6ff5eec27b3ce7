import { Controller, type ExecutionContext, Get, Injectable, Post, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { GenAuthClient, type Refusal } from '../../src/index.js';
import { CurrentUser, GenAuthGuard, GenAuthModule, GenAuthPasswordGuard, Public, Roles } from '../../src/nest/index.js';
import type { GenAuthRequestContext } from '../../src/nest/index.js';
import { buildHandlers } from '../support/handlers.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { SUBJECT, useIssuer } from '../support/issuer.js';
import { bearer } from '../support/marked-routes.js';
import { type RunningApp, send, startNestApp } from '../support/nest-app.js';

failOnUnhandledRejections();
const issuer = useIssuer();
const STAFF_ID = '65f0c1d2e3a4b5c6d7e8f999';

const Staff = GenAuthGuard.named('staff');
const HANDLERS = {
  me: [Get('me')],
  open: [Public(), Get('open')],
  staffAdmin: [Public(), UseGuards(Staff), Roles('admin'), Get('staff-admin')],
  both: [UseGuards(Staff), Get('both')],
  login: [UseGuards(GenAuthPasswordGuard), Post('login')],
};
const Base = buildHandlers(HANDLERS, Controller('base'));

/** Shares the handlers of `Base`, but its class is open. */
@Public()
@Controller('open-child')
class OpenChild extends Base {}

describe('the global GenAuthGuard', () => {
  let running: RunningApp;
  beforeAll(async () => {
    const options = issuer().clientOptions;
    running = await startNestApp('Express', {
      imports: [GenAuthModule.forRoot(options), GenAuthModule.forRoot({ ...options, appId: STAFF_ID, name: 'staff' })],
      controllers: [Base, OpenChild],
      providers: [{ provide: APP_GUARD, useExisting: GenAuthGuard }],
    });
  });
  afterAll(() => running.close());

  const tokens = {
    none: () => '',
    user: () => bearer(issuer()),
    staff: () => bearer(issuer(), { aud: STAFF_ID, roles: [] }),
    'staff admin': () => bearer(issuer(), { aud: STAFF_ID, roles: ['admin'] }),
  } as const;

  it.each<[method: 'GET' | 'POST', path: string, token: keyof typeof tokens, status: number, code?: string]>([
    ['GET', 'base/me', 'none', 401, 'token_missing'],
    ['GET', 'base/me', 'user', 200],
    ['GET', 'base/open', 'staff', 200],
    ['GET', 'base/staff-admin', 'user', 401, 'invalid_token'],
    ['GET', 'base/staff-admin', 'staff', 403, 'insufficient_role'],
    ['GET', 'base/staff-admin', 'staff admin', 200],
    ['GET', 'base/both', 'user', 401, 'invalid_token'],
    ['GET', 'base/both', 'staff', 401, 'invalid_token'],
    ['GET', 'open-child/me', 'none', 200],
    ['POST', 'base/login', 'none', 201],
  ])('answers %s /%s with the token: %s by %i', async (...[method, path, token, status, code]) => {
    issuer().replySignIn();
    const authorization = tokens[token]();
    const login = { POST: { body: { account: 'alice', password: 'p' } }, GET: {} }[method];
    const answer = await send(`${running.url}/${path}`, { method, ...login, headers: { authorization } });
    expect([answer.status, answer.body['code']]).toEqual([status, code]);
  });
});

it('has one guard class for each name', () => {
  const staff = GenAuthGuard.named('staff');
  expect(GenAuthGuard.named('staff')).toBe(staff);
  expect(GenAuthGuard.named('people')).not.toBe(staff);
});

describe('a class that extends GenAuthGuard', () => {
  it('reads another transport, and throws another exception', async () => {
    @Injectable()
    class BotGuard extends GenAuthGuard {
      protected override getRequestContext(context: ExecutionContext): GenAuthRequestContext {
        const [command] = context.getArgs<[{ token: string; user?: unknown }]>();
        const request = { headers: { authorization: `Bearer ${command.token}` } };
        return {
          request,
          state: command,
          store(user) {
            Object.assign(this.state, user);
          },
          refuse: ({ body }) => new Error(body.message),
        };
      }

      protected override buildException({ status, body }: Refusal): Error {
        return new Error(`${status} ${body.code}`);
      }
    }
    const client = new GenAuthClient(issuer().clientOptions);
    const guard = new BotGuard(client as GenAuthClient<string>);
    const commands: object[] = [];
    /** Calls a parameter decorator as Nest does for a handler of the bot. */
    const read = (decorator: ParameterDecorator, command: unknown): unknown => {
      class Bot {
        handle(this: void): void {}
      }
      decorator(Bot.prototype, 'handle', 0);
      const metadata = Reflect.getMetadata('__routeArguments__', Bot, 'handle') as Record<
        string,
        { data: unknown; factory: (data: unknown, context: ExecutionContext) => unknown }
      >;
      const [parameter] = Object.values(metadata);
      const context = new ExecutionContextHost([command], Bot, Bot.prototype.handle);
      context.setType('bot');
      return parameter?.factory(parameter.data, context);
    };
    const run = async (token: string): Promise<unknown> => {
      const command: { token: string; user?: { sub: string } } = { token };
      commands.push(command);
      const context = new ExecutionContextHost([command], Base, () => {});
      context.setType('bot');
      await guard.canActivate(context);
      return command.user;
    };
    expect(await run(bearer(issuer()).replace('Bearer ', ''))).toMatchObject({ sub: SUBJECT });
    expect(read(CurrentUser('sub'), commands[0])).toBe(SUBJECT);
    await expect(run('x')).rejects.toThrow('401 invalid_token');
    void client.close();
  });
});

it('canActivate returns true at once if the token is known, and a promise of the exception for a refusal', async () => {
  const client = new GenAuthClient(issuer().clientOptions);
  await client.warmUp();
  const guard = new GenAuthGuard(client as never);
  const headers = [{ authorization: bearer(issuer()) }, {}];
  const [passed, refused] = headers.map((each) => {
    const context = new ExecutionContextHost([{ headers: each }], Base, Base.prototype['me'] as () => void);
    return guard.canActivate(context);
  });
  expect(passed).toBe(true);
  await expect(refused).rejects.toMatchObject({ status: 401, code: 'token_missing' });
  void client.close();
});
