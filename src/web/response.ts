import type { ServerResponse } from 'node:http';

/** The members of a reply of Fastify that passport-genauth uses. */
export interface Reply {
  /** The response of Node.js. */
  readonly raw: ServerResponse;
  /** Sets a header. Several headers `Set-Cookie` are all sent. */
  header(name: string, value: string): unknown;
  /** Sends the browser to a URL, with the status 302. */
  redirect(url: string): unknown;
}

/** The replies of Fastify, by the request. Express stores the response on the request, so it needs no map. */
const replies = new WeakMap<object, Reply>();

/** Stores the reply of Fastify to a request. */
export function setReply(request: object, reply: Reply): void {
  replies.set(request, reply);
}

/** Returns the reply of Fastify to a request, or `undefined` for a request of Express. */
export function findReply(request: object): Reply | undefined {
  return replies.get(request);
}

/** Returns the response of Node.js to a request of Express or Fastify, or `undefined` if it is unknown. */
export function findResponse(request: object): ServerResponse | undefined {
  return replies.get(request)?.raw ?? (request as { res?: ServerResponse }).res;
}

/**
 * Adds a header `Set-Cookie` to the response to a request.
 *
 * @returns `false` if the response is unknown.
 */
export function addCookie(request: object, cookie: string): boolean {
  const reply = replies.get(request);
  const response = findResponse(request);
  // Fastify replaces the cookies of the response of Node.js by those of its reply.
  if (reply !== undefined) reply.header('set-cookie', cookie);
  else response?.appendHeader('set-cookie', cookie);
  return response !== undefined;
}
