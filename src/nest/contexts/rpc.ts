import type { ArgumentsHost } from '@nestjs/common';
import { isRecord } from '../../core/util/record.js';
import { findAuthorization, isAuthorization, toSingleValue, withAuthorization } from './authorization-header.js';
import type { RequestState } from '../../web/guard-request.js';
import { buildMissingPackageError } from './missing-package.js';
import type { RequestContext } from './request-context.js';

/**
 * Reads a message of a microservice. The access token comes from the header `authorization` of the message. If the
 * transport has no headers or this header is missing, the access token comes from the member `authorization` of the
 * message data.
 */
export function readRpcContext(context: ArgumentsHost): RequestContext {
  const rpc = context.switchToRpc();
  const [data, transport]: unknown[] = [rpc.getData(), rpc.getContext()];
  const authorization = readHeader(transport) ?? (isRecord(data) ? findAuthorization(data) : undefined);
  return {
    request: withAuthorization({ headers: {}, body: data }, authorization),
    state: isRecord(transport) ? transport : getMessageState(data),
    refuse: async (refusal) => {
      try {
        const { RpcException } = await import('@nestjs/microservices');
        return new RpcException(refusal.body);
      } catch (cause) {
        throw buildMissingPackageError('@nestjs/microservices', cause);
      }
    },
  };
}

/** The methods by which the headers of a NATS message or the metadata of a gRPC call are read. */
interface Headers {
  get: (name: string) => unknown;
  keys?: () => Iterable<string>;
  values?: (name: string) => unknown;
}

/** The members of Nest's transport contexts that give access to the headers of a message. */
interface Transport {
  /** Only contexts of gRPC have this member, because they are the gRPC metadata. */
  get?: unknown;
  /** Only contexts of NATS have this method. */
  getHeaders?: () => Headers | undefined;
  /** With RabbitMQ and Kafka. */
  getMessage?: () => { headers?: unknown; properties?: { headers?: unknown } } | undefined;
  /** With MQTT 5. */
  getPacket?: () => { properties?: { userProperties?: unknown } } | undefined;
  /** With TCP and Redis. */
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
 * Reads the Authorization header of a NATS message. NATS keeps the case of header names, and its function `get` returns
 * only the first value of a header. So this function reads all header names and all values.
 */
function readNatsHeader(headers: Headers | undefined): unknown {
  if (typeof headers?.keys !== 'function') return toSingleValue(headers?.get('authorization'));
  const names = [...headers.keys()].filter(isAuthorization);
  return toSingleValue(names.flatMap((name) => headers.values?.(name) ?? headers.get(name)));
}

const messageStates = new WeakMap<object, RequestState>();

/**
 * Returns the object on which guards store the user of a message. The user is not stored on the message itself, because
 * the sender controls the content of the message.
 */
function getMessageState(message: unknown): RequestState {
  if (typeof message !== 'object' || message === null) return {};
  const state = messageStates.get(message) ?? {};
  messageStates.set(message, state);
  return state;
}
