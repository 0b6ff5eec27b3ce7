import type { ArgumentsHost } from '@nestjs/common';
import { isRecord } from '../../core/util/record.js';
import { logRefusal } from '../genauth.exception.js';
import { findAuthorization, toSingleValue, withAuthorization } from './authorization-header.js';
import type { RequestContext } from './request-context.js';

/**
 * Reads a message of a WebSocket gateway. The access token comes from the Authorization header of the request that
 * opened the connection. A Socket.IO client can override this header with `auth: { token }`. A socket of the package
 * `ws` does not store its request. So the application must assign the `request` of `handleConnection(client, request)`
 * to `client.upgradeReq`.
 *
 * The guard verifies the access token for each message and stores the user as `client.user`. The user remains on the
 * socket until the next guarded message.
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

/** Adds `Bearer ` at the beginning of a token that does not begin with it. */
function addBearerScheme(token: unknown): unknown {
  return typeof token === 'string' && token !== '' ? token.replace(/^(?!Bearer )/i, 'Bearer ') : token;
}
