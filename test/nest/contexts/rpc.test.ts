import { Logger } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import {
  KafkaContext,
  MqttContext,
  NatsContext,
  RedisContext,
  RmqContext,
  RpcException,
  TcpContext,
} from '@nestjs/microservices';
import { readRpcContext } from '../../../src/nest/contexts/rpc.js';
import { GenAuthGuard, OptionalAuth } from '../../../src/nest/index.js';
import { useClients } from '../../support/client.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { SUBJECT, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { bearer } from '../../support/marked-routes.js';
import { MemoryLogger } from '../../support/nest-app.js';
import { catchError } from '../../support/promise.js';

failOnUnhandledRejections();
const issuer = useIssuer();
const openClient = useClients(issuer);

/** The headers of nats.js. Names keep their case, and `get` returns the first value or an empty string. */
function natsHeaders(...lines: [string, string][]): object {
  const values = (name: string): string[] => lines.filter(([each]) => each === name).map(([, value]) => value);
  const keys = (): string[] => lines.map(([name]) => name);
  return { keys: () => new Set(keys()).values(), values, get: (name: string) => values(name)[0] ?? '' };
}
/** The metadata of grpc-js. It ignores the case of names, and `get` returns all values. */
function grpcMetadata(...lines: [string, string | Buffer][]): object {
  return { get: (name: string) => lines.filter(([each]) => each.toLowerCase() === name).map(([, value]) => value) };
}
const nats = (headers?: object): object => new NatsContext(['subject', headers] as never);
const kafka = (message?: object): object => new KafkaContext([message, 0, 'topic', {}, {}, {}] as never);
const rmq = (message?: object): object => new RmqContext([message, {}, 'pattern'] as never);
const mqtt = (packet?: object): object => new MqttContext(['topic', packet] as never);
const H = { Authorization: 'header' };
const A: [string, string] = ['authorization', 'a'];
const B: [string, string] = ['Authorization', 'b'];

it.each<[title: string, transport: unknown, authorization: unknown]>([
  ['the headers of NATS', nats(natsHeaders(A)), 'a'],
  ['two spellings of NATS', nats(natsHeaders(A, B)), ['a', 'b']],
  ['two values of NATS', nats(natsHeaders(A, A)), ['a', 'a']],
  ['headers of NATS without the method values', nats({ keys: () => ['authorization'], get: () => 'a' }), 'a'],
  ['headers of NATS without the method keys', nats({ get: (name: string) => (name === A[0] ? 'a' : '') }), 'a'],
  ['the message with another header of NATS', nats(natsHeaders(['x-authorization', 'a'])), 'message'],
  ['the message without headers of NATS', nats(), 'message'],
  ['the headers of Kafka', kafka({ headers: { authorization: Buffer.from('header') } }), 'header'],
  ['the message without a message of Kafka', kafka(), 'message'],
  ['the headers of RabbitMQ', rmq({ properties: { headers: H } }), 'header'],
  ['the message without properties of RabbitMQ', rmq({}), 'message'],
  ['the properties of MQTT 5', mqtt({ properties: { userProperties: H } }), 'header'],
  ['the message without properties of MQTT', mqtt({}), 'message'],
  ['the message without a packet of MQTT', mqtt(), 'message'],
  ['the metadata of TCP', new TcpContext([{}, 'pattern', H] as never), 'header'],
  ['the metadata of Redis', new RedisContext(['channel', H] as never), 'header'],
  ['the message without metadata of Redis', new RedisContext(['channel'] as never), 'message'],
  ['the metadata of gRPC', grpcMetadata(['Authorization', Buffer.from('header')]), 'header'],
  ['the message without metadata of gRPC', grpcMetadata(), 'message'],
  ['the message without a context', undefined, 'message'],
])('reads the access token from %s', (_title, transport, authorization) => {
  const data = { authorization: 'message' };
  const { request } = readRpcContext(new ExecutionContextHost([data, transport]));
  expect(request).toEqual({ headers: { authorization }, body: data });
});

it.each([null, 'Bearer x', [{ authorization: 'Bearer x' }], { headers: H }])(
  'reads no access token from the message %j',
  (data) => {
    expect(readRpcContext(new ExecutionContextHost([data, undefined])).request.headers).toEqual({});
  },
);

it('stores the user on the context of the transport', () => {
  const transport = kafka();
  expect(readRpcContext(new ExecutionContextHost([{}, transport])).state).toBe(transport);
});

describe('a message without a context', () => {
  class Handlers {
    guarded(): void {}

    @OptionalAuth()
    optional(): void {}
  }
  const guard = async (handler: keyof Handlers, data: unknown): Promise<unknown> => {
    const context = new ExecutionContextHost([data, undefined], Handlers, Handlers.prototype[handler]);
    context.setType('rpc');
    await new GenAuthGuard(openClient(), new Reflector()).canActivate(context);
    return readRpcContext(context).state.user;
  };

  it('keeps its user outside of the message', async () => {
    const data = { authorization: bearer(issuer()) };
    expect(await guard('guarded', data)).toMatchObject({ sub: SUBJECT });
    expect(Object.keys(data)).toEqual(['authorization']);
  });

  it.each([{ user: { sub: 'admin' }, authInfo: {} }, 'text', null])('has no user from its content %j', async (data) => {
    expect(await guard('optional', data)).toBeUndefined();
  });

  it('is refused by an RpcException, without the token in the error and the log', async () => {
    const logger = new MemoryLogger();
    Logger.overrideLogger(logger);
    const authorization = bearer(issuer(), { aud: 'another' });
    const error = (await catchError(guard('guarded', { authorization }))) as unknown as RpcException;
    expect(error).toBeInstanceOf(RpcException);
    expect(error.getError()).toMatchObject({ statusCode: 401, code: 'invalid_token' });
    expect(logger.lines).toEqual([expect.stringContaining('debug token_audience_mismatch')]);
    expect(findLeaks([error, logger.lines], [authorization.split('.')[2] ?? ''])).toEqual([]);
  });
});
