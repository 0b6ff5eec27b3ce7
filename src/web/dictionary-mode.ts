import { IncomingMessage } from 'node:http';

/** Whether V8 is older than version 13, as in Node.js 20 and 22. */
const IS_OLD_V8 = Number.parseInt(process.versions.v8, 10) < 13;

/**
 * Stores the properties of an Express request as a dictionary
 * ([Fast properties in V8](https://v8.dev/blog/fast-properties)). The properties and their values stay the same. Does
 * nothing with other requests, and nothing with Node.js 24 and later.
 *
 * Express changes the prototype of each request. With Node.js 20 and 22 each of these requests then has a hidden class
 * of its own. So V8 cannot reuse the look-up of a property, and copies the hidden class for each new property.
 * Dictionaries have one hidden class together, which saves 12 µs of the 145 µs of a request with a guard. With Node.js
 * 24 the requests have one hidden class together, and a dictionary takes 7 µs more.
 */
export function storeAsDictionary(req: object): void {
  if (!IS_OLD_V8 || !Object.hasOwn(req, 'statusMessage')) return;
  const prototype: unknown = Object.getPrototypeOf(req);
  if (prototype === IncomingMessage.prototype) return;
  // V8 changes to a dictionary when a property is deleted. In a request, `statusMessage` is always `null`.
  const request = req as { statusMessage?: unknown };
  const { statusMessage } = request;
  delete request.statusMessage;
  request.statusMessage = statusMessage;
}
