import type { HttpAdapterHost } from '@nestjs/core';

interface HeaderWriter {
  header(name: string, value: string): unknown;
}

/**
 * No cache may store the response of a login, which holds tokens
 * ([RFC 6749 §5.1](https://www.rfc-editor.org/rfc/rfc6749#section-5.1)), or a refusal.
 */
export const NO_STORE = { 'cache-control': 'no-store' };

/** Fastify's replies by request. Express keeps the response on the request. */
const replies = new WeakMap<object, HeaderWriter>();

/**
 * Writes headers on the response to a request. A strategy gets the request only, and an exception filter of the
 * application does not know our headers. So the headers are written before the exception is thrown.
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
