import type { AddressInfo, Server } from 'node:net';
import { Controller, type INestMicroservice, Logger, UseGuards } from '@nestjs/common';
import { NestFactory, Reflector } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import {
  type ClientProxy,
  ClientProxyFactory,
  EventPattern,
  KafkaContext,
  MessagePattern,
  MqttContext,
  NatsContext,
  Payload,
  RedisContext,
  RmqContext,
  RpcException,
  TcpContext,
  type TcpOptions,
  Transport,
} from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { type BearerInfo, GenAuthClient, type GenAuthTokenUser } from '../../../src/index.js';
import { readRpcContext } from '../../../src/nest/contexts/rpc.js';
import { AuthInfo, CurrentUser, GenAuthGuard, OptionalAuth } from '../../../src/nest/index.js';
import { useClients } from '../../support/client.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { SUBJECT, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { bearer } from '../../support/marked-routes.js';
import { MemoryLogger } from '../../support/nest-app.js';
import { Gate, catchError } from '../../support/promise.js';

failOnUnhandledRejections();
const issuer = useIssuer();
const openClient = useClients(issuer);
beforeEach(() => Logger.overrideLogger(false));
const of = (sub: string): string => bearer(issuer(), { sub });

/** The headers of nats.js. Names keep their case, and `get` returns the first value or an empty string. */
function natsHeaders(...lines: [string, string][]): object {
  const values = (name: string): string[] => lines.filter(([each]) => each === name).map(([, value]) => value);
  const keys = (): string[] => [...new Set(lines.map(([name]) => name))];
  return { keys, values, get: (name: string) => values(name)[0] ?? '' };
}
/** The metadata of grpc-js. It ignores the case of names, and `get` returns all values. */
function grpcMetadata(...lines: [string, string | Buffer][]): object {
  return {
    get: (name: string) => lines.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, v]) => v),
  };
}
const nats = (...lines: [string, string][]): object => new NatsContext(['subject', natsHeaders(...lines)]);
const kafka = (headers?: object): object => new KafkaContext([{ headers }, 0, 'topic', {}, {}, {}] as never);
const rmq = (headers?: object): object => new RmqContext([{ properties: { headers }, fields: {} }, {}, 'pattern']);
const mqtt = (userProperties?: object): object => new MqttContext(['topic', { properties: { userProperties } }]);
const tcp = (metadata?: object): object => new TcpContext([{}, 'pattern', metadata] as never);
const redis = (metadata?: object): object => new RedisContext(['channel', metadata] as never);

describe('the Authorization header of a message', () => {
  const read = (data: unknown, transport: unknown): unknown =>
    readRpcContext(new ExecutionContextHost([data, transport])).request.headers.authorization;

  type Make = (value: string, name?: string) => object;
  describe.each<[transport: string, make: Make, none: () => object]>([
    ['NATS', (value, name = 'authorization') => nats([name, value]), () => nats()],
    ['Kafka', (value, name = 'authorization') => kafka({ [name]: Buffer.from(value) }), () => kafka({})],
    ['Kafka with strings', (value, name = 'authorization') => kafka({ [name]: value }), () => kafka()],
    ['RabbitMQ', (value, name = 'authorization') => rmq({ [name]: value }), () => rmq({})],
    ['MQTT 5', (value, name = 'authorization') => mqtt({ [name]: value }), () => mqtt()],
    ['TCP', (value, name = 'authorization') => tcp({ [name]: value }), () => tcp()],
    ['Redis', (value, name = 'authorization') => redis({ [name]: value }), () => redis()],
    ['gRPC', (value, name = 'authorization') => grpcMetadata([name, value]), () => grpcMetadata()],
  ])('by %s', (_transport, make, none) => {
    const data = { authorization: 'of the message' };

    it('is read from the headers, which override the message', () => {
      expect(read(data, make('of the header'))).toBe('of the header');
    });

    it('is read in any case', () => {
      expect(read({}, make('of the header', 'Authorization'))).toBe('of the header');
    });

    it('is read from the message if the headers lack it', () => {
      expect(read(data, none())).toBe('of the message');
    });

    it('is not read from another header', () => {
      expect(read({}, make('of the header', 'x-authorization'))).toBeUndefined();
    });
  });

  it.each<[title: string, transport: unknown, expected: unknown]>([
    ['is missing without the headers of NATS', new NatsContext(['subject', undefined] as never), undefined],
    ['is every value of NATS', nats(['authorization', 'a'], ['authorization', 'b']), ['a', 'b']],
    ['is every spelling of NATS', nats(['authorization', 'a'], ['Authorization', 'b']), ['a', 'b']],
    ['is the only value of a list', kafka({ authorization: [Buffer.from('a')] }), 'a'],
    ['is every value of a list', kafka({ authorization: ['a', 'b'] }), ['a', 'b']],
    ['is every spelling of RabbitMQ', rmq({ authorization: 'a', AUTHORIZATION: 'b' }), ['a', 'b']],
    ['is missing if it is empty', rmq({ authorization: '' }), undefined],
    ['is missing if it is null', rmq({ authorization: null }), undefined],
    ['keeps a number', rmq({ authorization: 7 }), 7],
    ['is missing without the properties of RabbitMQ', new RmqContext([{}, {}, 'pattern']), undefined],
    ['is every value of gRPC', grpcMetadata(['authorization', 'a'], ['authorization', 'b']), ['a', 'b']],
    ['is decoded from the bytes of gRPC', grpcMetadata(['authorization', Buffer.from('a')]), 'a'],
    ['is missing without a context', undefined, undefined],
    ['is missing in a context that is a string', 'context', undefined],
  ])('%s', (_title, transport, expected) => {
    expect(read({ some: 'data' }, transport)).toEqual(expected);
  });

  it.each<[title: string, data: unknown]>([
    ['null', null],
    ['a string', 'Bearer x'],
    ['a number', 7],
    ['a list', [{ authorization: 'Bearer x' }]],
    ['an object with headers', { headers: { authorization: 'Bearer x' } }],
    ['an object with a null header', { authorization: null }],
    ['an object whose prototype has the header', Object.create({ authorization: 'Bearer x' })],
  ])('is missing in a message that is %s', (_title, data) => {
    expect(read(data, undefined)).toBeUndefined();
  });
});

describe('a message without a transport', () => {
  class Handlers {
    guarded(): void {}

    @OptionalAuth()
    optional(): void {}
  }
  const createContext = (handler: keyof Handlers, data: unknown): ExecutionContextHost => {
    const context = new ExecutionContextHost([data, undefined], Handlers, Handlers.prototype[handler]);
    context.setType('rpc');
    return context;
  };
  const guard = (context: ExecutionContextHost): Promise<boolean> =>
    new GenAuthGuard(openClient(), new Reflector()).canActivate(context);

  it('keeps its user outside of the message', async () => {
    const data = { authorization: of('bob') };
    await guard(createContext('guarded', data));
    expect(Object.keys(data)).toEqual(['authorization']);
    expect(readRpcContext(createContext('guarded', data)).state).toMatchObject({ user: { sub: 'bob' } });
  });

  it('has no user from its own content', async () => {
    const data = { user: { sub: 'admin' }, authInfo: {} };
    await guard(createContext('optional', data));
    expect(readRpcContext(createContext('optional', data)).state.user).toBeUndefined();
  });

  it('has a state of its own if it is not an object', () => {
    expect(readRpcContext(createContext('optional', 'text')).state).toEqual({});
  });

  it.each<[title: string, authorization: unknown]>([
    ['two tokens', ['Bearer a', 'Bearer b']],
    ['an object', {}],
  ])('is refused by an RpcException for %s', async (_title, authorization) => {
    const error = await catchError(guard(createContext('guarded', { authorization })));
    expect(error).toBeInstanceOf(RpcException);
    expect((error as unknown as RpcException).getError()).toMatchObject({ statusCode: 401, code: 'invalid_token' });
  });
});

describe('a microservice over TCP', () => {
  const events: unknown[] = [];
  const received = new Gate();
  const logger = new MemoryLogger();
  let now = Date.now();
  let app: INestMicroservice;
  let proxy: ClientProxy;

  @UseGuards(GenAuthGuard)
  @Controller()
  class Messages {
    @MessagePattern('me')
    me(@CurrentUser() user: GenAuthTokenUser, @AuthInfo() info: BearerInfo): unknown {
      return [user.sub, info.claims.sub];
    }

    @EventPattern('happened')
    happened(@CurrentUser('sub') sub: string, @Payload('what') what: unknown): void {
      events.push([sub, what]);
      received.open(undefined);
    }
  }

  beforeAll(async () => {
    class AppModule {}
    const client = new GenAuthClient(issuer().clientOptions, { now: () => now });
    const providers = [{ provide: GenAuthClient, useValue: client }, GenAuthGuard];
    app = await NestFactory.createMicroservice<TcpOptions>(
      { module: AppModule, controllers: [Messages], providers },
      { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 }, logger, abortOnError: false },
    );
    await app.listen();
    const { port } = app.unwrap<Server>().address() as AddressInfo;
    proxy = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
    await proxy.connect();
  });
  beforeEach(() => {
    Logger.overrideLogger(logger);
    logger.lines.length = 0;
  });
  afterAll(() => Promise.all([proxy.close(), app.close()]));
  const call = (data: object): Promise<unknown> =>
    lastValueFrom(proxy.send<unknown>('me', data)).catch((refused: unknown) => ({ refused }));

  it('has the user and the claims of the token', async () => {
    expect(await call({ Authorization: of('alice') })).toEqual(['alice', 'alice']);
  });

  it('handles an event only with a valid token', async () => {
    for (const authorization of [undefined, 'Bearer garbage', bearer(issuer(), { aud: 'another' })]) {
      await lastValueFrom(proxy.emit('happened', { authorization, what: 'no' }), { defaultValue: undefined });
    }
    await lastValueFrom(proxy.emit('happened', { authorization: of(SUBJECT), what: 'yes' }), { defaultValue: 0 });
    await received.opened;
    expect(events).toEqual([[SUBJECT, 'yes']]);
  });

  it('shows the token neither in the answer nor in the log', async () => {
    const authorization = bearer(issuer(), { aud: 'another' });
    const answer = await call({ authorization });
    expect(answer).toMatchObject({ refused: { statusCode: 401, code: 'invalid_token' } });
    expect(findLeaks([answer, logger.lines], [authorization.split('.')[2] ?? ''])).toEqual([]);
    expect(findLeaks(answer, ['src/nest'])).toEqual([]);
    expect(logger.lines.join()).toContain('token_audience_mismatch');
  });

  it('refuses a token that expires between two messages of a connection', async () => {
    const message = { authorization: of('alice') };
    expect(await call(message)).toEqual(['alice', 'alice']);
    now += 3_606_000;
    expect(await call(message)).toMatchObject({ refused: { statusCode: 401, code: 'invalid_token' } });
  });
});
