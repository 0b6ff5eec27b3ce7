import type { ServerResponse } from 'node:http';
import type { HttpAdapterHost } from '@nestjs/core';
import onHeaders from 'on-headers';
import { type Reply, findResponse, setReply } from '../web/response.js';

/**
 * The header that forbids caches to store a response. It is for the responses to logins, which contain tokens (RFC 6749
 * §5.1), and for refusals.
 */
export const NO_STORE = { 'cache-control': 'no-store' };

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

interface FastifyInstance {
  addHook(name: 'onRequest', hook: (request: object, reply: Reply, done: () => void) => void): unknown;
}

/** Stores each reply of Fastify by its request. Does nothing on Express. */
export function trackReplies({ httpAdapter }: HttpAdapterHost): void {
  if (httpAdapter?.getType() !== 'fastify') return;
  httpAdapter.getInstance<FastifyInstance>().addHook('onRequest', (request, reply, done) => {
    setReply(request, reply);
    done();
  });
}
