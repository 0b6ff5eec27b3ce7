import type { ArgumentsHost } from '@nestjs/common';
import { type ConfigurationError, buildOptionError } from '../../core/errors.js';
import { isRecord } from '../../core/util/record.js';
import type { Refusal } from '../../web/refusal.js';
import { toException } from '../genauth.exception.js';
import { findResponse } from '../../web/response.js';
import { findAuthorization, withAuthorization } from './authorization-header.js';
import { endAtExpiry, endEventsAtExpiry } from './expiry.js';
import type { RequestContext } from './request-context.js';
import { type Socket, isClosedSocket } from './websocket.js';

/** The error codes of Apollo Server, by HTTP status. GraphQL clients read these codes. */
const GRAPHQL_CODES: Readonly<Record<number, string>> = { 401: 'UNAUTHENTICATED', 403: 'FORBIDDEN' };

/**
 * Reads the request from a context of @nestjs/graphql. The GraphQL context contains the request of Express or Fastify.
 * For a subscription with graphql-ws it contains the HTTP request that opened the WebSocket connection. If the
 * `connectionParams` of the connection contain `authorization`, this value overrides the Authorization header of the
 * HTTP request.
 *
 * If an application gives the same GraphQL context object to several callers, the object can contain the request of an
 * earlier caller. The member `buildMistake` reports such a request.
 */
export function readGraphqlContext(context: ArgumentsHost): RequestContext {
  const args = context.getArgs<unknown[]>();
  // A resolver gets four arguments: root, arguments, GraphQL context and info. A reference resolver of a federation
  // gets only root, GraphQL context and info.
  const value = args[args.length === 3 ? 1 : 2];
  const graphql = isRecord(value) ? value : {};
  // For a subscription the Apollo driver of Nest stores the graphql-ws connection as `req`.
  const connection = isRecord(graphql['req']) ? graphql['req'] : {};
  const extras = [graphql['extra'], connection['extra']].filter(isRecord);
  const socket = extras.map((extra) => extra['socket']).find(isRecord);
  const requests = [graphql['req'], graphql['request'], ...extras.map(({ request }) => request)];
  const request = requests.filter(isRecord).find(({ headers }) => isRecord(headers)) ?? {};
  const params = [graphql['connectionParams'], connection['connectionParams']].find(isRecord) ?? {};
  return {
    request: withAuthorization(request, findAuthorization(params)),
    state: graphql,
    ...(findResponse(request)?.writableEnded === true && { buildMistake: buildContextError }),
    store: ({ user, authInfo }) => {
      Object.assign(graphql, { user, authInfo });
      // Passport stores the user on the HTTP request, so resolvers and other guards read `context.req.user`. The
      // request that opened a WebSocket connection belongs to all operations of the connection, so it gets no user.
      if (socket === undefined) Object.assign(request, { user, authInfo });
    },
    endAtExpiry: (exp) => (socket === undefined ? endEventsAtExpiry(request, exp) : endSocketAtExpiry(socket, exp)),
    refuse: toGraphqlException,
  };
}

/**
 * Ends a WebSocket connection of graphql-ws when the access token expires. The close code of graphql-ws for a client
 * that is not authenticated is 4401. The client of graphql-ws does not connect again by itself after this code.
 */
function endSocketAtExpiry(socket: Socket, exp: number): void {
  const connection = { emitter: socket, closeEvent: 'close', isClosed: isClosedSocket(socket) } as const;
  endAtExpiry({ ...connection, end: () => socket.close?.(4401, 'Unauthorized') }, exp);
}

/** Builds the error for a GraphQL context that holds the request of an earlier caller. */
function buildContextError(): ConfigurationError {
  const problem = 'of GraphQLModule holds a request that was already answered, so the caller is not known';
  return buildOptionError({ option: 'context', problem, fix: 'write a function, context: ({ req }) => ({ req })' });
}

/**
 * Builds an exception for GraphQL. Apollo Server derives `extensions` from an HTTP exception, but graphql-ws does not.
 * So the exception itself contains the same `extensions`.
 */
function toGraphqlException(refusal: Refusal): Error {
  const { status, body } = refusal;
  const code = GRAPHQL_CODES[status];
  const exception = Object.assign(toException(refusal), {
    extensions: {
      ...(code === undefined ? { code: 'INTERNAL_SERVER_ERROR', status } : { code }),
      originalError: body,
    },
  });
  // If NODE_ENV is not `production`, Apollo Server sends the stack trace to the GraphQL client. So the stack trace is
  // replaced by the error message.
  exception.stack = String(exception);
  return exception;
}
