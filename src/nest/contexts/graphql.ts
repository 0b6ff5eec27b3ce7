import type { ArgumentsHost } from '@nestjs/common';
import { isRecord } from '../../core/util/record.js';
import type { Refusal } from '../../web/refusal.js';
import { toException } from '../genauth.exception.js';
import { findAuthorization, withAuthorization } from './authorization-header.js';
import type { RequestContext } from './request-context.js';

/** Error codes of Apollo Server, by HTTP status. GraphQL clients branch on them. */
const GRAPHQL_CODES: Readonly<Record<number, string>> = { 401: 'UNAUTHENTICATED', 403: 'FORBIDDEN' };

/**
 * Reads a request of @nestjs/graphql. The resolver's context holds the request of Express or Fastify. A subscription by
 * graphql-ws holds the request that opened the connection. Its `connectionParams: { authorization }` override the
 * header of that request.
 */
export function readGraphqlContext(context: ArgumentsHost): RequestContext {
  const args = context.getArgs<unknown[]>();
  // A resolver receives the root, the arguments, the context and the info. A reference resolver of a federation
  // receives no arguments.
  const value = args[args.length === 3 ? 1 : 2];
  const graphql = isRecord(value) ? value : {};
  // In a subscription the Apollo driver puts the connection of graphql-ws into `req`.
  const connection = isRecord(graphql['req']) ? graphql['req'] : {};
  const extras = [graphql['extra'], connection['extra']].filter(isRecord);
  const requests = [graphql['req'], graphql['request'], ...extras.map(({ request }) => request)];
  const request = requests.filter(isRecord).find(({ headers }) => isRecord(headers)) ?? {};
  const params = [graphql['connectionParams'], connection['connectionParams']].find(isRecord) ?? {};
  return { request: withAuthorization(request, findAuthorization(params)), state: graphql, refuse: toGraphqlException };
}

/**
 * Builds an exception with the `extensions` that Apollo Server derives from an HTTP exception. graphql-ws derives none,
 * so the exception carries them itself.
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
  // Outside production Apollo Server sends the stack to the client.
  exception.stack = String(exception);
  return exception;
}
