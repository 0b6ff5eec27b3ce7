import type { ArgumentsHost } from '@nestjs/common';
import { isRecord } from '../../core/util/record.js';
import { logRefusal } from '../genauth.exception.js';
import { findAuthorization, toSingleValue, withAuthorization } from './authorization-header.js';
import type { RequestState } from '../../web/guard-request.js';
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
  const client = ws.getClient<Record<string, unknown>>();
  const handshake = isRecord(client['handshake']) ? client['handshake'] : {};
  const request = [client['upgradeReq'], client['request']].find(isRecord) ?? handshake;
  const auth = isRecord(handshake['auth']) ? handshake['auth'] : {};
  const token = addBearerScheme(Object.hasOwn(auth, 'token') ? auth['token'] : undefined);
  const authorization = toSingleValue([token, findAuthorization(auth)]);
  return {
    request: withAuthorization(request, authorization, ws.getData<unknown>()),
    state: client,
    refuse: async (refusal) => {
      logRefusal(refusal);
      const { WsException } = await import('@nestjs/websockets');
      return new WsException({ status: 'error', ...refusal.body });
    },
  };
}

/** The user that the guard stored on a socket, and what the socket had before. */
const guardedUsers = new WeakMap<object, { user: unknown; before: RequestState }>();

/**
 * Records that the guard has stored the user of a message on its socket.
 *
 * @param before - The user that the application itself had stored on the socket, for example in `handleConnection`.
 */
export function markGuardedUser(socket: RequestState, before: RequestState): void {
  const known = guardedUsers.get(socket);
  const isOwn = known !== undefined && known.user === before.user;
  guardedUsers.set(socket, { user: socket.user, before: isOwn ? known.before : before });
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
