import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { KafkaContext, MqttContext, NatsContext, RedisContext, RmqContext } from '@nestjs/microservices';
import { RpcException, TcpContext } from '@nestjs/microservices';
import { TokenVerificationError } from '../../../src/index.js';
import { readRpcContext } from '../../../src/nest/contexts/rpc.js';

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

describe('the user', () => {
  const readState = (...args: unknown[]): object => readRpcContext(new ExecutionContextHost(args)).state;

  it('is stored on the context of the transport', () => {
    const transport = kafka();
    expect(readState({}, transport)).toBe(transport);
  });

  it('is stored outside of a message without a context', () => {
    const data = { user: { sub: 'admin' }, authInfo: {} };
    const state = readState(data);
    expect(state).toEqual({});
    expect(readState(data)).toBe(state);
    expect(readState({ ...data })).not.toBe(state);
  });

  it.each(['text', null])('is not read from the message %j', (data) => {
    expect(readState(data)).toEqual({});
  });
});

it('refuses by an RpcException', async () => {
  const body = { statusCode: 401, error: 'e', message: 'm', code: 'invalid_token' } as const;
  const error = new TokenVerificationError('token_expired', 'why', { details: { token: 'access_token' } });
  const { refuse } = readRpcContext(new ExecutionContextHost([{}]));
  const exception = await refuse({ action: 'fail', status: 401, headers: {}, body, error });
  expect(exception).toEqual(new RpcException(body));
  expect((exception as RpcException).getError()).toBe(body);
});
