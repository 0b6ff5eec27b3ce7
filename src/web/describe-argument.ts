import { buildOptionError } from '../core/errors.js';
import { quote } from '../core/util/quote.js';
import { isRecord } from '../core/util/record.js';

/** Describes a wrong argument of a public function for a message, for example `the class GenAuthClient`. */
export function describeArgument(value: unknown): string {
  if (typeof value === 'function') {
    const isClass = /^class\b/.test(Function.prototype.toString.call(value));
    return value.name === '' ? 'a function' : `the ${isClass ? 'class' : 'function'} ${value.name}`;
  }
  if (!isRecord(value)) return quote(value);
  if (hasClientOptions(value)) return 'the options of a client';
  return hasOwnClass(value) ? `an object of the class ${value.constructor.name}` : quote(value);
}

/** Returns whether an argument can be the options of a client: a plain object, or an object with `appId`. */
export function isOptionsObject(value: unknown): value is object {
  // A promise is accepted, because the client has a message of its own for a promise of options.
  return isRecord(value) && (!hasOwnClass(value) || hasClientOptions(value) || value instanceof Promise);
}

function hasClientOptions(value: object): boolean {
  return Object.hasOwn(value, 'appId') || Object.hasOwn(value, 'appHost');
}

/** Returns whether a class of the application or of a package has created the object. */
function hasOwnClass(value: object): boolean {
  const { constructor } = value as { constructor?: unknown };
  return typeof constructor === 'function' && constructor.name !== '' && constructor.name !== 'Object';
}

/**
 * Refuses the request of a route as the first argument of a function that creates a handler. Express calls the function
 * with each request if the application has registered the function itself, and not the handler that it returns.
 *
 * @param name - The name of the function.
 * @param line - The line of code to write.
 * @throws ConfigurationError if the argument is a request.
 */
export function expectCalled(name: string, line: string, given: unknown): void {
  if (!isRecord(given) || !isRecord(given['headers']) || typeof given['method'] !== 'string') return;
  const problem = 'is registered as a handler, but it is a function that creates a handler';
  throw buildOptionError({ option: name, problem, fix: `call it, write ${line}` });
}
