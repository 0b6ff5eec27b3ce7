import { GenAuthClient } from '../core/client.js';
import { buildOptionError } from '../core/errors.js';
import type { GenAuthOptions } from '../core/options/types.js';
import { isRecord } from '../core/util/record.js';
import { describeArgument, isOptionsObject } from './describe-argument.js';

/**
 * Returns the client of a function that accepts a client or the options of a new client.
 *
 * @param name - The name of the function or class.
 * @param line - The line of code to write.
 * @throws ConfigurationError if the argument is neither a client nor an object of valid options.
 */
export function toClient<S extends string, ExtendedFields extends object>(
  given: GenAuthOptions<S> | GenAuthClient<S, ExtendedFields>,
  name: string,
  line: string,
): GenAuthClient<S, ExtendedFields> {
  if (isClient(given)) return given;
  if (isOptionsObject(given)) return new GenAuthClient<S, ExtendedFields>(given);
  throw buildOptionError({
    option: name,
    problem: `got ${describeArgument(given)} in place of a client`,
    fix: `write ${line}, with const client = new GenAuthClient({ appId, appSecret, appHost })`,
  });
}

/** Returns whether a value is a client. A client of a second copy of this package is also a client. */
function isClient<Client extends { options: object }>(value: Client | object | undefined): value is Client {
  const { options, authenticate } = (value ?? {}) as { options?: unknown; authenticate?: unknown };
  return isRecord(options) && typeof authenticate === 'function';
}
