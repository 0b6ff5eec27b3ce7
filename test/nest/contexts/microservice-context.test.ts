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
import type { GenAuthTokenUser } from '../../../src/index.js';
import { readRequestContext } from '../../../src/nest/contexts/read-request-context.js';
import { GenAuthGuard, GenAuthPasswordGuard, OptionalAuth, Public } from '../../../src/nest/index.js';
import { GenAuthPasswordStrategy } from '../../../src/index.js';
import { useClients } from '../../support/client.js';
import { useIssuer } from '../../support/issuer.js';
import { catchError } from '../../support/promise.js';

beforeAll(() => Logger.overrideLogger(false));
const issuer = useIssuer();
const openClient = useClients(issuer);

class Handlers {
  guarded(): void {}

  @OptionalAuth()
  optional(): void {}

  @Public()
  open(): void {}
}

function toContext(type: string, args: unknown[], method: keyof Handlers = 'guarded'): ExecutionContextHost {
  const context = new ExecutionContextHost(args, Handlers, Handlers.prototype[method]);
  context.setType(type);
  return context;
}
const makeGuard = (): GenAuthGuard => new GenAuthGuard(openClient(), new Reflector());

/** What becomes of a message: whose it is, `nobody's`, or the code of the refusal. */
async function guard(method: keyof Handlers, data: unknown, transport: unknown): Promise<string> {
  try {
    await makeGuard().canActivate(toContext('rpc', [data, transport], method));
  } catch (error) {
    return ((error as RpcException).getError() as { code: string }).code;
  }
  const { user } = readRequestContext(toContext('rpc', [data, transport], method)).state;
  return (user as GenAuthTokenUser | undefined)?.sub ?? "nobody's";
}

const bearer = (sub: string): string => `Bearer ${issuer().sign(issuer().accessTokenClaims({ sub }))}`;

/** The headers of nats.js: names as they were written, `get` gives the first value or an empty text. */
function natsHeaders(...lines: [string, string][]): object {
  const values = (name: string): string[] => lines.filter(([each]) => each === name).map(([, value]) => value);
  return {
    keys: () => [...new Set(lines.map(([name]) => name))],
    values,
    get: (name: string) => values(name)[0] ?? '',
  };
}

/** The metadata of grpc-js: names in lower case, `get` gives all values. */
function grpcMetadata(...lines: [string, string | Buffer][]): object {
  return {
    get: (name: string) => lines.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, v]) => v),
  };
}

const nats = (...lines: [string, string][]): object => new NatsContext(['subject', natsHeaders(...lines)]);
const kafka = (headers?: object): object => {
  const args = [{ headers }, 0, 'topic', {}, async () => {}, {}];
  return new KafkaContext(args as unknown as ConstructorParameters<typeof KafkaContext>[0]);
};
const rmq = (headers?: object): object => new RmqContext([{ properties: { headers }, fields: {} }, {}, 'pattern']);
const mqtt = (userProperties?: object): object => new MqttContext(['topic', { properties: { userProperties } }]);
const tcp = (metadata?: Record<string, unknown>): object =>
  new TcpContext([{}, 'pattern', metadata] as unknown as ConstructorParameters<typeof TcpContext>[0]);
const redis = (metadata?: Record<string, unknown>): object =>
  new RedisContext(['channel', metadata] as unknown as ConstructorParameters<typeof RedisContext>[0]);

type Row = [what: string, make: () => unknown, guarded: string, optional?: string];
const NOBODY = ['token_missing', "nobody's"] as const;
const BAD = ['invalid_token', 'invalid_token'] as const;

/** Every transport with headers that it has one at a time. */
const KINDS: [string, (authorization: string, name?: string) => object, none: () => object][] = [
  ['NATS', (value, name = 'authorization') => nats([name, value]), () => nats()],
  ['Kafka', (value, name = 'authorization') => kafka({ [name]: Buffer.from(value) }), () => kafka({})],
  ['Kafka with text', (value, name = 'authorization') => kafka({ [name]: value }), () => kafka()],
  ['RabbitMQ', (value, name = 'authorization') => rmq({ [name]: value }), () => rmq({})],
  ['MQTT 5', (value, name = 'authorization') => mqtt({ [name]: value }), () => mqtt()],
  ['TCP with metadata', (value, name = 'authorization') => tcp({ [name]: value }), () => tcp()],
  ['Redis with metadata', (value, name = 'authorization') => redis({ [name]: value }), () => redis()],
  ['gRPC', (value, name = 'authorization') => grpcMetadata([name, value]), () => grpcMetadata()],
];

const ROWS: Row[] = [
  ...KINDS.flatMap(([kind, make, none]): Row[] => [
    [`${kind}: alice`, () => make(bearer('alice')), 'alice'],
    [`${kind}, in capitals: alice`, () => make(bearer('alice'), 'Authorization'), 'alice'],
    [`${kind}, another header`, () => make(bearer('alice'), 'x-authorization'), ...NOBODY],
    [`${kind}, no header`, none, ...NOBODY],
    [`${kind}, an empty one`, () => make(''), ...NOBODY],
    [`${kind}, Basic`, () => make('Basic YTpi'), ...NOBODY],
    [`${kind}, garbage`, () => make('Bearer garbage'), ...BAD],
  ]),
  ['NATS without headers', () => new NatsContext(['subject', undefined]), ...NOBODY],
  ['NATS, two values', () => nats(['authorization', bearer('alice')], ['authorization', bearer('bob')]), ...BAD],
  ['NATS, two spellings', () => nats(['authorization', bearer('alice')], ['Authorization', bearer('bob')]), ...BAD],
  ['Kafka, a list of one: alice', () => kafka({ authorization: [Buffer.from(bearer('alice'))] }), 'alice'],
  ['Kafka, a list of two', () => kafka({ authorization: [bearer('alice'), bearer('bob')] }), ...BAD],
  ['RabbitMQ, two spellings', () => rmq({ authorization: bearer('alice'), AUTHORIZATION: bearer('bob') }), ...BAD],
  ['RabbitMQ, a number', () => rmq({ authorization: 7 }), ...BAD],
  ['RabbitMQ without properties', () => new RmqContext([{}, {}, 'pattern']), ...NOBODY],
  ['gRPC, two values', () => grpcMetadata(['authorization', bearer('alice')], ['authorization', 'x']), ...BAD],
  ['gRPC, bytes: alice', () => grpcMetadata(['authorization', Buffer.from(bearer('alice'))]), 'alice'],
  ['a context that is nothing', () => undefined, ...NOBODY],
  ['a context that is a text', () => 'context', ...NOBODY],
];

describe('a message by', () => {
  it.each<Row>(ROWS)('%s', async (_what, make, guarded, optional = guarded) => {
    for (const [method, expected] of [
      ['guarded', guarded],
      ['optional', optional],
    ] as const) {
      expect([method, await guard(method, { some: 'data' }, make())]).toEqual([method, expected]);
    }
  });

  it.each(KINDS)('%s: its header wins over the message, which counts where there is none', async (_k, make, none) => {
    const data = { authorization: bearer('bob') };
    expect(await guard('guarded', data, make(bearer('alice')))).toBe('alice');
    expect(await guard('guarded', data, none())).toBe('bob');
    expect(await guard('guarded', data, make('Bearer garbage'))).toBe('invalid_token');
  });

  it('no transport at all: whom the message is of is told by the message', async () => {
    expect(await guard('guarded', { authorization: bearer('bob') }, undefined)).toBe('bob');
  });

  it.each(['optional', 'open'] as const)(
    'no transport at all: a user in the message is nobody (%s)',
    async (method) => {
      expect(await guard(method, { user: { sub: 'admin' }, authInfo: {} }, undefined)).toBe("nobody's");
    },
  );
});

describe.each(['http2', 'graphql-ws', 'cron', 'telegraf'])('the context %p, which nobody knows', (type) => {
  const args = (): unknown[] => [{ headers: { authorization: bearer('alice') }, authorization: bearer('alice') }, {}];

  it.each(['guarded', 'optional'] as const)('is refused, token or not: %s', async (method) => {
    const error = await catchError(makeGuard().canActivate(toContext(type, args(), method)));
    expect(error).toMatchObject({ status: 500 });
    expect(error.message).toContain(`do not support the context "${type}"`);
    expect(issuer().requests).toEqual([]);
  });

  it('lets through what is @Public', async () => {
    expect(await makeGuard().canActivate(toContext(type, args(), 'open'))).toBe(true);
  });
});

it.each(['ws', 'rpc', 'graphql', 'cron'])('a login in the context %p is refused', async (type) => {
  const guardOfLogin = new GenAuthPasswordGuard(new GenAuthPasswordStrategy<string>(openClient()));
  const error = await catchError(guardOfLogin.canActivate(toContext(type, [{ account: 'a', password: 'b' }, {}])));
  expect(error.message).toContain(`do not support the context "${type}"`);
  expect(issuer().requests).toEqual([]);
});
