import { type ArgumentsHost, InternalServerErrorException } from '@nestjs/common';
import type { GenAuthRequest } from '../../core/options/types.js';
import { isRecord } from '../../core/util/record.js';
import type { Refusal } from '../../web/refusal.js';
import { logRefusal, toException, toHttpException } from '../genauth.exception.js';

/** Where a guard puts what it learned, and the decorators read it. */
export interface Bearing {
  user?: unknown;
  authInfo?: unknown;
}

interface RequestContext {
  /** What the token and everything else is read from. */
  request: GenAuthRequest;
  bearing: Bearing;
  /** Makes the exception to throw, of the kind that the context knows. */
  refuse: (refusal: Refusal) => Error | Promise<Error>;
}

/** The request behind a handler, in every context that Nest has. @throws InternalServerErrorException in others: nobody gets in. */
export function readRequestContext(context: ArgumentsHost): RequestContext {
  switch (context.getType<string>()) {
    case 'http':
      return readHttpContext(context);
    case 'graphql':
      return readGraphqlContext(context);
    case 'ws':
      return readWebSocketContext(context);
    case 'rpc':
      return readRpcContext(context);
    default:
      throw refuseContext(context);
  }
}

/** The same for logins, which exist in HTTP only. */
export function readHttpContext(context: ArgumentsHost): RequestContext {
  if (context.getType<string>() !== 'http') throw refuseContext(context);
  const request = context.switchToHttp().getRequest<GenAuthRequest & Bearing>();
  return { request, bearing: request, refuse: (refusal) => toHttpException(refusal, request) };
}

function refuseContext(context: ArgumentsHost): Error {
  return new InternalServerErrorException(
    `GenAuth's guards do not know the context "${context.getType<string>()}", so they refuse it.`,
  );
}

/** What GraphQL's clients go by; the codes of Apollo. */
const GRAPHQL_CODES: Readonly<Record<number, string>> = { 401: 'UNAUTHENTICATED', 403: 'FORBIDDEN' };

/**
 * GraphQL by @nestjs/graphql: the request of Express or Fastify is in the resolver's context. Subscriptions by graphql-ws have the
 * request that opened the connection, and what the client said when it did, `connectionParams: { authorization }`, which wins.
 */
function readGraphqlContext(context: ArgumentsHost): RequestContext {
  const args = context.getArgs<unknown[]>();
  // The root, the arguments, the context; only what resolves a federation's references has no arguments.
  const value = args[args.length === 3 ? 1 : 2];
  const graphql = isRecord(value) ? value : {};
  // The Apollo driver puts into `req` whatever it got: of a subscription that is the connection of graphql-ws.
  const connection = isRecord(graphql['req']) ? graphql['req'] : {};
  const extras = [graphql['extra'], connection['extra']].filter(isRecord);
  const requests = [graphql['req'], graphql['request'], ...extras.map(({ request }) => request)];
  const http = requests.filter(isRecord).find(({ headers }) => isRecord(headers)) ?? {};
  const params = [graphql['connectionParams'], connection['connectionParams']].find(isRecord) ?? {};
  return { request: withToken(http, findAuthorization(params)), bearing: graphql, refuse: toGraphqlException };
}

/** Apollo turns HTTP's exceptions into GraphQL's errors, graphql-ws does not: so the exception brings along what Apollo would say. */
function toGraphqlException(refusal: Refusal): Error {
  const { status, body } = refusal;
  const code = GRAPHQL_CODES[status];
  const exception = Object.assign(toException(refusal), {
    extensions: {
      ...(code === undefined ? { code: 'INTERNAL_SERVER_ERROR', status } : { code }),
      originalError: body,
    },
  });
  // Outside production Apollo sends the stack to the client.
  exception.stack = String(exception);
  return exception;
}

/**
 * WebSocket gateways: the headers of the handshake, or `auth: { token }` of a Socket.IO client, which wins. A plain `ws` socket does
 * not know its request; an application that takes it from `handleConnection(client, request)` can keep it as `client.upgradeReq`.
 *
 * What a guard learns stays on the socket, as `client.user`, until the next guarded message; the token is verified with each.
 */
function readWebSocketContext(context: ArgumentsHost): RequestContext {
  const ws = context.switchToWs();
  const client = ws.getClient<Record<string, unknown>>();
  const handshake = isRecord(client['handshake']) ? client['handshake'] : {};
  const http = [client['upgradeReq'], client['request']].find(isRecord) ?? handshake;
  const auth = isRecord(handshake['auth']) ? handshake['auth'] : {};
  const said = [toBearer(Object.hasOwn(auth, 'token') ? auth['token'] : undefined), findAuthorization(auth)];
  return {
    request: withToken(http, toOne(said), ws.getData<unknown>()),
    bearing: client,
    refuse: async (refusal) => {
      logRefusal(refusal);
      const { WsException } = await import('@nestjs/websockets');
      return new WsException({ status: 'error', ...refusal.body });
    },
  };
}

/** The scheme goes without saying. */
function toBearer(token: unknown): unknown {
  return typeof token === 'string' && token !== '' ? token.replace(/^(?!Bearer )/i, 'Bearer ') : token;
}

/**
 * Microservices: `authorization` in the headers of a message, whatever its transport calls them, else in the message itself.
 */
function readRpcContext(context: ArgumentsHost): RequestContext {
  const rpc = context.switchToRpc();
  const [data, transport]: unknown[] = [rpc.getData(), rpc.getContext()];
  const authorization = readRpcHeader(transport) ?? (isRecord(data) ? findAuthorization(data) : undefined);
  return {
    request: withToken({ headers: {}, body: data }, authorization),
    bearing: isRecord(transport) ? transport : getBearing(data),
    refuse: async (refusal) => {
      logRefusal(refusal);
      const { RpcException } = await import('@nestjs/microservices');
      return new RpcException(refusal.body);
    },
  };
}

interface Headers {
  get: (name: string) => unknown;
  keys?: () => Iterable<string>;
  values?: (name: string) => unknown;
}

interface Transport {
  /** gRPC: the context is the metadata itself. */
  get?: unknown;
  /** NATS. */
  getHeaders?: () => Headers | undefined;
  /** RabbitMQ and Kafka. */
  getMessage?: () => { headers?: unknown; properties?: { headers?: unknown } } | undefined;
  /** MQTT 5. */
  getPacket?: () => { properties?: { userProperties?: unknown } } | undefined;
  /** TCP and Redis. */
  getMetadata?: () => unknown;
}

function readRpcHeader(context: unknown): unknown {
  if (!isRecord(context)) return undefined;
  const transport: Transport = context;
  if (typeof transport.get === 'function') return toOne((transport as Headers).get('authorization'));
  if (typeof transport.getHeaders === 'function') return readNatsHeader(transport.getHeaders());
  const message = transport.getMessage?.();
  const headers = [
    message?.properties?.headers,
    message?.headers,
    transport.getPacket?.()?.properties?.userProperties,
    transport.getMetadata?.(),
  ].find(isRecord);
  return headers === undefined ? undefined : findAuthorization(headers);
}

/** NATS keeps names as they were written, and `get` gives the first of several values. */
function readNatsHeader(headers: Headers | undefined): unknown {
  if (typeof headers?.keys !== 'function') return toOne(headers?.get('authorization'));
  const names = [...headers.keys()].filter(isAuthorization);
  return toOne(names.flatMap((name) => headers.values?.(name) ?? headers.get(name)));
}

/** Names are written in any case. */
function findAuthorization(source: Readonly<Record<string, unknown>>): unknown {
  return toOne(Object.keys(source).flatMap((name) => (isAuthorization(name) ? source[name] : [])));
}

function isAuthorization(name: string): boolean {
  return name.toLowerCase() === 'authorization';
}

/**
 * The one value that was said; `undefined` for none. Several stay a list, which nobody takes for a token: it is not known which of
 * them the sender meant.
 */
function toOne(said: unknown): unknown {
  const values = [said].flat().filter((value) => value !== undefined && value !== null && value !== '');
  const [only] = values;
  if (values.length > 1) return values;
  return Buffer.isBuffer(only) ? only.toString('latin1') : only;
}

/** A request with that header in place of its own; without one its own. What is no text is refused further on, and not left out. */
function withToken(given: object, authorization: unknown, message?: unknown): GenAuthRequest {
  const request = given as Partial<GenAuthRequest> & { rawHeaders?: unknown };
  const isWhole = isRecord(request.headers);
  if (isWhole && authorization === undefined && message === undefined) return given as GenAuthRequest;
  const { body = message, ip, socket, headers = {}, rawHeaders } = request;
  const rest = { body, ip, socket };
  if (authorization === undefined) return { ...rest, headers, rawHeaders } as GenAuthRequest;
  return { ...rest, headers: { ...headers, authorization: authorization as string } };
}

const bearings = new WeakMap<object, Bearing>();

/** Beside a message and not in it: what is in it is the sender's word. */
function getBearing(message: unknown): Bearing {
  if (typeof message !== 'object' || message === null) return {};
  const bearing = bearings.get(message) ?? {};
  bearings.set(message, bearing);
  return bearing;
}
