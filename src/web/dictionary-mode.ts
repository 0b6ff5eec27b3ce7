import { IncomingMessage } from 'node:http';

/** Whether V8 is older than version 13, as in Node.js 20 to 23. */
const IS_OLD_V8 = Number.parseInt(process.versions.v8, 10) < 13;

/**
 * Stores the properties of an Express request as a dictionary
 * ([Fast properties in V8](https://v8.dev/blog/fast-properties)). The properties and their values stay the same, only
 * `statusMessage` becomes the last property. Does nothing with a request that has the prototype of Node.js, and nothing
 * with Node.js 24 and later.
 *
 * Express changes the prototype of each request. With Node.js 20 and 22 each of these requests then has a hidden class
 * of its own. So V8 cannot reuse the look-up of a property, and copies the hidden class for each new property. The
 * dictionaries of one application have one hidden class together, which saves 12 µs of the 145 µs of a request with a
 * guard. With Node.js 24 the requests have one hidden class together, and a dictionary takes 7 µs more.
 */
export function storeAsDictionary(req: object): void {
  if (!IS_OLD_V8 || !Object.hasOwn(req, 'statusMessage') || !Object.isExtensible(req)) return;
  if (Object.getPrototypeOf(req) === IncomingMessage.prototype) return;
  // V8 changes to a dictionary when a property is deleted. In a request, `statusMessage` is always `null`.
  const request = req as { statusMessage?: unknown };
  const { statusMessage } = request;
  if (Reflect.deleteProperty(request, 'statusMessage')) request.statusMessage = statusMessage;
}
