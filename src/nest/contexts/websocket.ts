import type { ArgumentsHost } from '@nestjs/common';
import { type ConfigurationError, TokenVerificationError, buildOptionError } from '../../core/errors.js';
import { isRecord } from '../../core/util/record.js';
import type { RequestState } from '../../web/guard-request.js';
import { type Refusal, type RefusalBody, type RefusalContext, toRefusal } from '../../web/refusal.js';
import { findAuthorization, toSingleValue, withAuthorization } from './authorization-header.js';
import { endAtExpiry } from './expiry.js';
import { buildMissingPackageError } from './missing-package.js';
import type { RequestContext } from './request-context.js';

/**
 * Reads a message of a WebSocket gateway. The access token comes from the Authorization header of the request that
 * opened the connection. A Socket.IO client can override this header with `auth: { token }`. A socket of the package
 * `ws` does not store its request. So the application must assign the `request` of `handleConnection(client, request)`
 * to `client.upgradeReq`.
 *
 * The guard verifies the access token for each message and stores the user as `client.user`. The user remains on the
 * socket until the next message that a guard sees. See {@link removeGuardedUser}.
 */
export function readWebSocketContext(context: ArgumentsHost): RequestContext {
  const ws = context.switchToWs();
  const client = ws.getClient<Socket>();
  return {
    ...readSocket(client, ws.getData<unknown>()),
    refuse: async (refusal) => {
      try {
        const { WsException } = await import('@nestjs/websockets');
        return new WsException(buildExceptionData(refusal));
      } catch (cause) {
        throw buildMissingPackageError('@nestjs/websockets', cause);
      }
    },
  };
}

/** The members of a socket of Socket.IO or `ws` that are used here. */
export interface Socket extends RequestState {
  /** With Socket.IO. */
  handshake?: unknown;
  /** With Socket.IO: the request that opened the connection. */
  request?: unknown;
  /** With `ws`: the request that opened the connection. The application assigns it. */
  upgradeReq?: unknown;
  /** With Socket.IO: sends an event. */
  emit?: (event: string, data: object) => unknown;
  /** With Socket.IO: ends the connection to one namespace. */
  disconnect?: () => unknown;
  /** With Socket.IO: whether the connection is open. */
  connected?: unknown;
  /** With `ws`: sends a message. */
  send?: (message: string) => unknown;
  /** With `ws`: asks the client to end the connection. */
  close?: (code: number, reason: string) => unknown;
  /** With `ws`: ends the connection at once. */
  terminate?: () => unknown;
  /** With `ws`: the state of the connection. 2 is closing, 3 is closed. */
  readyState?: unknown;
  once?: (event: string, listener: () => void) => unknown;
}

/**
 * Reads the request that opened the connection of a socket, with the access token of the connection.
 *
 * @param message - The body of the returned request.
 */
export function readSocket(client: Socket, message?: unknown): Omit<RequestContext, 'refuse'> {
  const handshake = isRecord(client.handshake) ? client.handshake : undefined;
  const request = [client.upgradeReq, client.request].find(isRecord) ?? handshake;
  const auth = isRecord(handshake?.['auth']) ? handshake['auth'] : {};
  const token = addBearerScheme(Object.hasOwn(auth, 'token') ? auth['token'] : undefined);
  const authorization = toSingleValue([token, findAuthorization(auth)]);
  const read = withAuthorization(request ?? {}, authorization, message);
  const acceptLanguage = read.headers['accept-language'];
  return {
    request: read,
    state: client,
    store: (user) => setGuardedUser(client, user),
    ...(request === undefined && { buildMistake: buildRequestError }),
    endAtExpiry: (exp, options) => {
      // A client of Socket.IO can send an event with the name `close`.
      const closeEvent = typeof client.disconnect === 'function' ? 'disconnect' : 'close';
      const end = (): void => endSocket(client, buildExpiry({ options, acceptLanguage }));
      endAtExpiry({ emitter: client, closeEvent, isClosed: isClosedSocket(client), end }, exp);
    },
  };
}

/** The time after which a `ws` client that does not close its connection is cut off, in milliseconds. */
const CLOSING_MS = 1_000;

/**
 * Sends the body of a refusal to the client of a socket as the event `exception`, removes the user from the socket, and
 * ends the connection. With Socket.IO only the connection to the namespace of the socket ends. The close code of a `ws`
 * connection is 4000 plus the HTTP status, for example 4401, as with graphql-ws.
 */
export function endSocket(client: Socket, refusal: Refusal): void {
  // Messages that arrive until the connection is closed still reach the handlers.
  client.user = undefined;
  client.authInfo = undefined;
  guardedUsers.delete(client);
  const data = buildExceptionData(refusal);
  if (typeof client.disconnect === 'function') {
    client.emit?.('exception', data);
    client.disconnect();
  } else {
    client.send?.(JSON.stringify({ event: 'exception', data }));
    client.close?.(4000 + refusal.status, refusal.body.code);
    setTimeout(() => client.terminate?.(), CLOSING_MS).unref();
  }
}

/** Whether the connection of a socket is closed or being closed. */
export function isClosedSocket({ connected, readyState }: Socket): boolean {
  return connected === false || readyState === 2 || readyState === 3;
}

/** The data that a gateway of Nest sends with the event `exception`. */
function buildExceptionData({ body }: Refusal): RefusalBody & { status: 'error' } {
  return { status: 'error', ...body };
}

/** Builds the refusal for a connection whose access token has expired. */
function buildExpiry(context: RefusalContext): Refusal {
  const message = 'The access token of the connection has expired.';
  const details = { token: 'access_token' } as const;
  return toRefusal(new TokenVerificationError('token_expired', message, { details }), context);
}

/** Builds the error for a socket that has no reference to the request that opened its connection. */
function buildRequestError(): ConfigurationError {
  const problem = 'is missing on the socket, so no access token can be read';
  const fix =
    'write client.upgradeReq = request in handleConnection(client, request) of the gateway, ' +
    'or authenticateSocket(genAuthClient, client, request)';
  return buildOptionError({ option: 'upgradeReq', problem, fix });
}

/** The user that the guard stored on a socket, and what the socket had before. */
const guardedUsers = new WeakMap<object, { user: unknown; before: RequestState }>();

/**
 * Stores the user of a guarded message on its socket, and remembers the user that the application itself had stored
 * there, for example in `handleConnection`.
 */
export function setGuardedUser(socket: RequestState, { user, authInfo }: RequestState): void {
  const known = guardedUsers.get(socket);
  const isGuarded = known !== undefined && known.user === socket.user;
  const before = isGuarded ? known.before : { user: socket.user, authInfo: socket.authInfo };
  guardedUsers.set(socket, { user, before });
  socket.user = user;
  socket.authInfo = authInfo;
}

/**
 * Removes the user of an earlier guarded message from a socket, before a public handler runs. The token of that user
 * may have expired since.
 */
export function removeGuardedUser(socket: RequestState): void {
  const known = guardedUsers.get(socket);
  guardedUsers.delete(socket);
  if (known === undefined || known.user !== socket.user) return;
  socket.user = known.before.user;
  socket.authInfo = known.before.authInfo;
}

/** Adds `Bearer ` at the beginning of a token that does not begin with it. */
function addBearerScheme(token: unknown): unknown {
  return typeof token === 'string' && token !== '' ? token.replace(/^(?!Bearer )/i, 'Bearer ') : token;
}
