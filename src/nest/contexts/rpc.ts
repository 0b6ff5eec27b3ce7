import type { ArgumentsHost } from '@nestjs/common';
import { isRecord } from '../../core/util/record.js';
import { logRefusal } from '../genauth.exception.js';
import { findAuthorization, isAuthorization, toSingleValue, withAuthorization } from './authorization-header.js';
import type { RequestState } from '../../web/guard-request.js';
import type { RequestContext } from './request-context.js';

/**
 * Reads a message of a microservice. The token comes from the header `authorization` of the message. If the transport
 * has no headers or the header is missing, it comes from the member `authorization` of the message itself.
 */
export function readRpcContext(context: ArgumentsHost): RequestContext {
  const rpc = context.switchToRpc();
  const [data, transport]: unknown[] = [rpc.getData(), rpc.getContext()];
  const authorization = readHeader(transport) ?? (isRecord(data) ? findAuthorization(data) : undefined);
  return {
    request: withAuthorization({ headers: {}, body: data }, authorization),
    state: isRecord(transport) ? transport : getMessageState(data),
    refuse: async (refusal) => {
      logRefusal(refusal);
      const { RpcException } = await import('@nestjs/microservices');
      return new RpcException(refusal.body);
    },
  };
}

/** The headers of NATS or the metadata of gRPC. */
interface Headers {
  get: (name: string) => unknown;
  keys?: () => Iterable<string>;
  values?: (name: string) => unknown;
}

/** The members of the transports' contexts that lead to the headers. */
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

function readHeader(context: unknown): unknown {
  if (!isRecord(context)) return undefined;
  const transport: Transport = context;
  if (typeof transport.get === 'function') return toSingleValue((transport as Headers).get('authorization'));
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

/**
 * Reads the Authorization header of a NATS message. NATS does not normalise the case of header names, and its `get`
 * returns only the first of several values. So all names and all values are read.
 */
function readNatsHeader(headers: Headers | undefined): unknown {
  if (typeof headers?.keys !== 'function') return toSingleValue(headers?.get('authorization'));
  const names = [...headers.keys()].filter(isAuthorization);
  return toSingleValue(names.flatMap((name) => headers.values?.(name) ?? headers.get(name)));
}

const messageStates = new WeakMap<object, RequestState>();

/** Returns the state of a message. It is not stored on the message itself, because the sender controls its content. */
function getMessageState(message: unknown): RequestState {
  if (typeof message !== 'object' || message === null) return {};
  const state = messageStates.get(message) ?? {};
  messageStates.set(message, state);
  return state;
}
