import type { HttpAdapterHost } from '@nestjs/core';

interface HeaderWriter {
  header(name: string, value: string): unknown;
}

/** For the responses of logins, which hold tokens (RFC 6749 §5.1), and for refusals. No cache may store them. */
export const NO_STORE = { 'cache-control': 'no-store' };

/** Fastify's replies, by their request. Express stores the response on the request. */
const replies = new WeakMap<object, HeaderWriter>();

/**
 * Writes headers on the response to a request. It is called before an exception is thrown, because an exception filter
 * of the application does not know these headers. It finds the response by the request, because a strategy receives
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

/** Stores Fastify's replies by their request. Does nothing on Express. */
export function trackReplies({ httpAdapter }: HttpAdapterHost): void {
  if (httpAdapter?.getType() !== 'fastify') return;
  httpAdapter.getInstance<FastifyInstance>().addHook('onRequest', (request, reply, done) => {
    replies.set(request, reply);
    done();
  });
}
