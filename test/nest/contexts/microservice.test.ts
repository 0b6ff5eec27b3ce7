import type { AddressInfo, Server } from 'node:net';
import { Controller, type INestMicroservice, type Provider, UseGuards } from '@nestjs/common';
import { APP_GUARD, NestFactory } from '@nestjs/core';
import {
  type ClientProxy,
  ClientProxyFactory,
  Ctx,
  EventPattern,
  MessagePattern,
  Payload,
  type TcpOptions,
  Transport,
} from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { type BearerInfo, GenAuthClient, type GenAuthTokenUser } from '../../../src/index.js';
import {
  AuthInfo,
  CurrentUser,
  GenAuthGuard,
  OptionalAuth,
  Public,
  RequireScopes,
  Roles,
  Tenant,
} from '../../../src/nest/index.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { SUBJECT, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { MemoryLogger } from '../../support/nest-app.js';
import { Gate } from '../../support/promise.js';

failOnUnhandledRejections();
const issuer = useIssuer();
const events: unknown[] = [];
let heard: Gate;
/** Lets handlers go on once that many have arrived. */
let arrivals: { count: number; gate: Gate };
beforeEach(() => {
  events.length = 0;
  heard = new Gate();
  arrivals = { count: 0, gate: new Gate() };
});

class Messages {
  @MessagePattern('me')
  me(@CurrentUser() user: GenAuthTokenUser, @CurrentUser('sub') sub: string, @AuthInfo() info: BearerInfo): unknown {
    return [user.sub, sub, info.claims.sub];
  }

  @Public()
  @MessagePattern('open')
  open(@CurrentUser('sub') sub: string | undefined): string {
    return sub ?? 'nobody';
  }

  @OptionalAuth()
  @MessagePattern('maybe')
  maybe(@CurrentUser('sub') sub: string | undefined): string {
    return sub ?? 'nobody';
  }

  @RequireScopes('email')
  @MessagePattern('mail')
  mail(@CurrentUser('sub') sub: string): string {
    return sub;
  }

  @Roles('admin')
  @MessagePattern('admin')
  admin(@CurrentUser('sub') sub: string): string {
    return sub;
  }

  /** The message is the body of the request. */
  @Tenant((req) => (req.body as { tenant?: string }).tenant)
  @MessagePattern('tenant')
  tenant(@CurrentUser('sub') sub: string): string {
    return sub;
  }

  @MessagePattern('meet')
  async meet(
    @CurrentUser('sub') sub: string,
    @Ctx() context: { user: GenAuthTokenUser },
    @Payload('size') size: number,
  ): Promise<string[]> {
    if (++arrivals.count === size) arrivals.gate.open();
    await arrivals.gate.opened;
    return [sub, context.user.sub];
  }

  @EventPattern('happened')
  happened(@CurrentUser('sub') sub: string, @Payload('what') what: unknown): void {
    events.push([sub, what]);
    heard.open();
  }
}

@Controller()
class Controllers extends Messages {}

@UseGuards(GenAuthGuard)
@Controller()
class GuardedControllers extends Messages {}

const WAYS: [string, new () => Messages, Provider[]][] = [
  ['a guard on the controller', GuardedControllers, []],
  ['a global guard', Controllers, [{ provide: APP_GUARD, useExisting: GenAuthGuard }]],
];

const HOUR = 3600;
const bearer = (claims: Record<string, unknown> = {}): { authorization: string } => ({
  authorization: `Bearer ${issuer().sign(issuer().accessTokenClaims(claims))}`,
});
const refusal = (statusCode: number, code: string): object => ({
  statusCode,
  code,
  error: expect.any(String) as string,
  message: expect.any(String) as string,
});

describe.each(WAYS)('a microservice over TCP behind %s', (_way, controller, providers) => {
  let app: INestMicroservice;
  let proxy: ClientProxy;
  let now: number;
  const logger = new MemoryLogger();

  beforeAll(async () => {
    const client = new GenAuthClient(issuer().clientOptions, { now: () => now });
    class AppModule {}
    app = await NestFactory.createMicroservice<TcpOptions>(
      {
        module: AppModule,
        controllers: [controller],
        providers: [{ provide: GenAuthClient, useValue: client }, GenAuthGuard, ...providers],
      },
      { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 }, logger, abortOnError: false },
    );
    await app.listen();
    const { port } = app.unwrap<Server>().address() as AddressInfo;
    proxy = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
    await proxy.connect();
  });
  afterAll(async () => {
    await proxy.close();
    await app.close();
  });
  beforeEach(() => {
    now = Date.now();
    logger.lines.length = 0;
  });
  /** The answer, or the error that the caller gets. */
  const ask = (pattern: string, data: unknown = {}): Promise<unknown> =>
    lastValueFrom(proxy.send<unknown>(pattern, data as object)).catch((error: unknown) => ({ refused: error }));

  it('a good token: user, claim and claims of the token', async () => {
    expect(await ask('me', bearer())).toEqual([SUBJECT, SUBJECT, SUBJECT]);
    const { authorization: Authorization } = bearer({ sub: 'al' });
    expect(await ask('me', { Authorization, more: 1 })).toEqual(['al', 'al', 'al']);
    expect(await ask('maybe', bearer())).toBe(SUBJECT);
  });

  it.each<[string, () => unknown]>([
    ['no token', () => ({ token: bearer().authorization })],
    ['null', () => ({ authorization: null })],
    ['a text', () => bearer().authorization],
    ['a number', () => 7],
    ['a list', () => [bearer()]],
    ['what is deeper', () => ({ headers: bearer() })],
  ])('%s: 401 token_missing to the caller, and nobody where that is enough', async (_what, make) => {
    expect(await ask('me', make())).toEqual({ refused: refusal(401, 'token_missing') });
    expect(await ask('maybe', make())).toBe('nobody');
    expect(await ask('open', make())).toBe('nobody');
  });

  it.each<[string, () => unknown]>([
    ['garbage', () => ({ authorization: 'Bearer garbage' })],
    ['an id_token', () => ({ authorization: `Bearer ${issuer().sign(issuer().idTokenClaims())}` })],
    ['a token for another app', () => bearer({ aud: 'another' })],
    ['two spellings', () => ({ ...bearer(), Authorization: bearer().authorization })],
    ['a list of two', () => ({ authorization: [bearer().authorization, bearer().authorization] })],
    ['an object', () => ({ authorization: {} })],
  ])('%s: 401 invalid_token to the caller, and not taken for none', async (_what, make) => {
    expect(await ask('me', make())).toEqual({ refused: refusal(401, 'invalid_token') });
    expect(await ask('maybe', make())).toEqual({ refused: refusal(401, 'invalid_token') });
    expect(await ask('open', make())).toBe('nobody');
  });

  it.each<[string, Record<string, unknown>, object, unknown]>([
    ['mail', { scope: 'openid' }, {}, { refused: refusal(403, 'insufficient_scope') }],
    ['mail', { scope: 'openid email' }, {}, SUBJECT],
    ['admin', {}, {}, { refused: refusal(403, 'insufficient_role') }],
    ['tenant', { tenant_id: 'blue' }, { tenant: 'blue' }, SUBJECT],
    ['tenant', { tenant_id: 'blue' }, { tenant: 'red' }, { refused: refusal(403, 'tenant_mismatch') }],
  ])('%s with %p and the message %p', async (pattern, claims, data, expected) => {
    issuer().reply('/oidc/me', { body: { sub: SUBJECT, roles: ['editor'] } });
    expect(await ask(pattern, { ...bearer(claims), ...data })).toEqual(expected);
  });

  it('GenAuth down: 503 to the caller', async () => {
    issuer().reply('/oidc/me', { status: 503 });
    expect(await ask('admin', bearer({ sub: 'unheard-of' }))).toEqual({
      refused: refusal(503, 'upstream_unavailable'),
    });
  });

  it('a token that expires between two messages of one connection', async () => {
    const message = bearer();
    expect(await ask('maybe', message)).toBe(SUBJECT);
    now += (HOUR + 6) * 1000;
    expect(await ask('maybe', message)).toEqual({ refused: refusal(401, 'invalid_token') });
  });

  it('fifty people at one time on one connection never mix', async () => {
    const names = Array.from({ length: 50 }, (_, i) => `person-${i}`);
    const answers = await Promise.all(names.map((sub) => ask('meet', { ...bearer({ sub }), size: 50 })));
    expect(answers).toEqual(names.map((name) => [name, name]));
  });

  it('an event without a good token does not happen', async () => {
    for (const data of [{}, { authorization: 'Bearer garbage' }, bearer({ aud: 'another' })]) {
      await lastValueFrom(proxy.emit('happened', { ...data, what: 'no' }), { defaultValue: undefined });
    }
    await lastValueFrom(proxy.emit('happened', { ...bearer(), what: 'yes' }), { defaultValue: undefined });
    await heard.opened;
    expect(events).toEqual([[SUBJECT, 'yes']]);
  });

  it('neither the answer nor the log holds the token', async () => {
    const message = bearer({ aud: 'another' });
    const answer = await ask('me', message);
    const [, , signature = ''] = message.authorization.split('.');
    expect(findLeaks(answer, [signature, 'src/nest'])).toEqual([]);
    // Nest itself logs what an event handler throws, with the stack.
    expect(findLeaks(logger.lines, [signature])).toEqual([]);
    expect(logger.lines.join()).toContain('token_audience_mismatch');
  });
});
