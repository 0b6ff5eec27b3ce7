import type { ServerResponse } from 'node:http';
import type { HttpAdapterHost } from '@nestjs/core';
import onHeaders from 'on-headers';

/**
 * The header that forbids caches to store a response. It is for the responses to logins, which contain tokens (RFC 6749
 * §5.1), and for refusals.
 */
export const NO_STORE = { 'cache-control': 'no-store' };

/** The responses of Fastify, by the request. Express stores the response on the request, so it needs no map. */
const responses = new WeakMap<object, ServerResponse>();

/**
 * Adds headers to the response to a request. They are written when the response is sent, and only if the response has
 * not set a header of the same name. Nothing is written on a response that was already sent.
 *
 * The parameter is the request, because a strategy receives only the request. An exception filter of the Nest
 * application, which sends the response to a refusal, does not know these headers.
 *
 * @param status - The HTTP status with which the headers are sent. An application can turn a refusal into another
 * response, which must not have the headers of the refusal. Default: every status.
 */
export function writeHeaders(request: object, headers: Readonly<Record<string, string>>, status?: number): void {
  const response = findResponse(request);
  if (response === undefined || response.headersSent) return;
  onHeaders(response, function writeMissing(this: ServerResponse) {
    if (status !== undefined && this.statusCode !== status) return;
    for (const [name, value] of Object.entries(headers)) if (!this.hasHeader(name)) this.setHeader(name, value);
  });
}

/** Returns the response of Node.js to a request of Express or Fastify. */
export function findResponse(request: object): ServerResponse | undefined {
  return responses.get(request) ?? (request as { res?: ServerResponse }).res;
}

interface FastifyInstance {
  addHook(
    name: 'onRequest',
    hook: (request: object, reply: { raw: ServerResponse }, done: () => void) => void,
  ): unknown;
}

/** Stores each response of Fastify by its request. Does nothing on Express. */
export function trackReplies({ httpAdapter }: HttpAdapterHost): void {
  if (httpAdapter?.getType() !== 'fastify') return;
  httpAdapter.getInstance<FastifyInstance>().addHook('onRequest', (request, reply, done) => {
    responses.set(request, reply.raw);
    done();
  });
}
