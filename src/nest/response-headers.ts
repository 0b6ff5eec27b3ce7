import type { HttpAdapterHost } from '@nestjs/core';

interface HeaderWriter {
  header(name: string, value: string): unknown;
}

/**
 * The header that forbids caches to store a response. It is for the responses to logins, which contain tokens (RFC 6749
 * §5.1), and for refusals.
 */
export const NO_STORE = { 'cache-control': 'no-store' };

/** The replies of Fastify, by the request. Express stores the response on the request, so it needs no map. */
const replies = new WeakMap<object, HeaderWriter>();

/**
 * Writes headers on the response to a request. Call this function before an exception is thrown, because an exception
 * filter of the Nest application does not know these headers. The parameter is the request, because a strategy receives
 * only the request.
 */
export function writeHeaders(request: object, headers: Readonly<Record<string, string>>): void {
  const { res } = request as { res?: HeaderWriter };
  const response = replies.get(request) ?? res;
  for (const [name, value] of Object.entries(headers)) response?.header(name, value);
}

interface FastifyInstance {
  addHook(name: 'onRequest', hook: (request: object, reply: HeaderWriter, done: () => void) => void): unknown;
}

/** Stores each reply of Fastify by its request. Does nothing on Express. */
export function trackReplies({ httpAdapter }: HttpAdapterHost): void {
  if (httpAdapter?.getType() !== 'fastify') return;
  httpAdapter.getInstance<FastifyInstance>().addHook('onRequest', (request, reply, done) => {
    replies.set(request, reply);
    done();
  });
}
