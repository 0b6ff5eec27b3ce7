import type { GenAuthClient } from '../core/client.js';
import { ConfigurationError, buildOptionError } from '../core/errors.js';
import { quote } from '../core/util/quote.js';
import type { BearerUser } from '../web/authenticate-bearer.js';
import { guardRequest } from '../web/guard-request.js';
import type { GenAuthRequest } from '../core/options/types.js';
import { type Refusal, type RefusalContext, toRefusal } from '../web/refusal.js';
import { type ReportOptions, reportRefusal } from '../web/report-refusal.js';
import { getExpiry } from './contexts/expiry.js';
import { type Socket, endSocket, isClosedSocket, readSocket } from './contexts/websocket.js';
import { logByNest } from './nest-log.js';

/**
 * Authenticates a socket of Socket.IO or `ws` when it connects. Call it in `handleConnection` of a gateway, because no
 * guard runs there.
 *
 * It reads the access token in the same way as `GenAuthGuard`: from `auth: { token }` of a Socket.IO client, or else
 * from the Authorization header of the request that opened the connection. It stores the user as `socket.user` and the
 * auth info as `socket.authInfo`, and disconnects the socket when the access token expires.
 *
 * If the access token is missing or not valid, the client receives the event `exception` with the same body as from a
 * guarded message handler, and the socket is disconnected. A socket of `ws` is closed with the code 4000 plus the HTTP
 * status, for example 4401. With Socket.IO the connections to other namespaces stay open. The function never rejects,
 * because Nest does not handle a rejection of `handleConnection`. The reason is written to the log.
 *
 * Messages that the client sends before the promise settles reach their handlers. Decorated handlers are guarded for
 * each message, so they do not depend on this function.
 *
 * @param client - The client whose access tokens are accepted.
 * @param socket - The first argument of `handleConnection`.
 * @param request - With `ws`: the second argument of `handleConnection`, the request that opened the connection. It is
 * stored as `socket.upgradeReq`, where the guard reads it. Socket.IO does not need it.
 * @returns The user, or `undefined` if the socket was refused and disconnected, or if it was closed meanwhile.
 *
 * @example
 * ```ts
 * import { type OnGatewayConnection, WebSocketGateway } from '@nestjs/websockets';
 * import type { GenAuthClient } from 'passport-genauth';
 * import { InjectGenAuthClient, authenticateSocket } from 'passport-genauth/nest';
 *
 * type Socket = { join: (room: string) => unknown };
 *
 * @WebSocketGateway()
 * export class NewsGateway implements OnGatewayConnection<Socket> {
 *   constructor(@InjectGenAuthClient() private readonly client: GenAuthClient<string>) {}
 *
 *   async handleConnection(socket: Socket): Promise<void> {
 *     const user = await authenticateSocket(this.client, socket);
 *     if (user !== undefined) socket.join('news');
 *   }
 * }
 * ```
 */
export async function authenticateSocket<S extends string, ExtendedFields extends object>(
  client: GenAuthClient<S, ExtendedFields>,
  socket: object,
  request?: object,
): Promise<BearerUser<S, ExtendedFields> | undefined> {
  const target: Socket = socket;
  try {
    if (request !== undefined) target.upgradeReq = request;
    const refusal = await guardSocket(client as unknown as GenAuthClient<string>, target);
    if (refusal === undefined) {
      return isClosedSocket(target) ? undefined : (target.user as BearerUser<S, ExtendedFields>);
    }
    endSocket(target, refusal);
  } catch (error) {
    // The socket is not one of Socket.IO or `ws`, or the arguments are swapped.
    refuse(buildFailure(error), NO_CLIENT, { headers: {} });
  }
  return undefined;
}

/** The options for the response if there is no client. */
const NO_CLIENT: Options = { language: undefined, exposeReasons: false, log: logByNest };

/**
 * Builds the error for a missing client. A gateway without decorator metadata, for example built by esbuild, gets
 * `undefined` in place of a class from its constructor.
 */
function buildClientError(given: unknown): ConfigurationError {
  const fix =
    'write authenticateSocket(client, socket), and inject the client with ' +
    '@InjectGenAuthClient() private readonly client: GenAuthClient<string>';
  return buildOptionError({ option: 'client', problem: `of authenticateSocket is ${quote(given)}`, fix });
}

/** Builds the error for an argument that is not a socket, for example the request of `handleConnection`. */
function buildSocketError(given: unknown): ConfigurationError {
  const problem = `of authenticateSocket is ${quote(given)} without a method to end the connection`;
  const fix = 'pass the first argument of handleConnection, authenticateSocket(client, socket, request)';
  return buildOptionError({ option: 'socket', problem, fix });
}

function buildFailure(thrown: unknown): ConfigurationError {
  const message = 'A function of the application threw an error while a socket was authenticated.';
  return new ConfigurationError('callback_failed', message, { cause: thrown });
}

async function guardSocket(client: GenAuthClient<string>, socket: Socket): Promise<Refusal | undefined> {
  const given = client as Partial<GenAuthClient<string>> | undefined;
  const { request, state, buildMistake, endAtExpiry } = readSocket(socket);
  if (given?.options === undefined) return refuse(buildClientError(given), NO_CLIENT, request);
  const { options } = client;
  if (typeof (socket.disconnect ?? socket.close) !== 'function') {
    return refuse(buildSocketError(socket), options, request);
  }
  if (buildMistake !== undefined) return refuse(buildMistake(), options, request);
  try {
    const refusal = await guardRequest(client, request, state, { optional: false });
    const exp = getExpiry(state.authInfo, options);
    if (refusal === undefined && exp !== undefined) endAtExpiry?.(exp, options);
    return refusal;
  } catch (thrown) {
    return refuse(buildFailure(thrown), options, request);
  }
}

function refuse(error: ConfigurationError, options: Options, request: GenAuthRequest): Refusal {
  const refusal = toRefusal(error, { options, acceptLanguage: request.headers['accept-language'] });
  reportRefusal(refusal, options, request);
  return refusal;
}
type Options = RefusalContext['options'] & ReportOptions;
