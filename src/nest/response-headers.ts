import type { HttpAdapterHost } from '@nestjs/core';

interface HeaderWriter {
  header(name: string, value: string): unknown;
}

/** What a login answers with holds tokens (RFC 6749 §5.1), and a refusal is of this moment alone. */
export const NO_STORE = { 'cache-control': 'no-store' };

/** Fastify's replies by request; Express has its response on the request. */
const replies = new WeakMap<object, HeaderWriter>();

/**
 * Writes headers on the answer to a request. Strategies get to see the request alone, and whoever answers in the end, an
 * exception filter of the application say, knows nothing of our headers: so they are written before the exception is thrown.
 */
export function writeHeaders(request: object, headers: Readonly<Record<string, string>>): void {
  const { res } = request as { res?: HeaderWriter };
  const response = replies.get(request) ?? res;
  for (const [name, value] of Object.entries(headers)) response?.header(name, value);
}

interface FastifyInstance {
  addHook(name: 'onRequest', hook: (request: object, reply: HeaderWriter, done: () => void) => void): unknown;
}

/** Remembers Fastify's replies. Nothing to do on Express. */
export function trackReplies({ httpAdapter }: HttpAdapterHost): void {
  if (httpAdapter?.getType() !== 'fastify') return;
  httpAdapter.getInstance<FastifyInstance>().addHook('onRequest', (request, reply, done) => {
    replies.set(request, reply);
    done();
  });
}
