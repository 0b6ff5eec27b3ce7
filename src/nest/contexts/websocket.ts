import type { ArgumentsHost } from '@nestjs/common';
import { isRecord } from '../../core/util/record.js';
import { logRefusal } from '../genauth.exception.js';
import { findAuthorization, toSingleValue, withAuthorization } from './authorization-header.js';
import type { RequestContext } from './request-context.js';

/**
 * Reads a message of a WebSocket gateway. The token comes from the headers of the handshake. `auth: { token }` of a
 * Socket.IO client overrides them. A plain `ws` socket does not store its request. The application must store the
 * request of `handleConnection(client, request)` as `client.upgradeReq`.
 *
 * The guard verifies the token for each message. It stores the user on the socket, as `client.user`. The user stays
 * there until the next guarded message.
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

/** Adds `Bearer ` to a token that lacks it. */
function addBearerScheme(token: unknown): unknown {
  return typeof token === 'string' && token !== '' ? token.replace(/^(?!Bearer )/i, 'Bearer ') : token;
}
