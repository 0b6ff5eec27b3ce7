import { RequestError } from '../core/errors.js';
import type { GenAuthRequest } from '../core/options.js';
import type { AdCredentials, PasswordCredentials } from '../core/sign-in.js';

/** Reads `account` and `password` of the parsed body. @throws RequestError where one is missing or is not a text. */
export function parsePasswordCredentials(req: GenAuthRequest): PasswordCredentials {
  return { account: readText(req, 'account'), password: readText(req, 'password') };
}

/** Reads `sAMAccountName` and `password` of the parsed body. @throws RequestError where one is missing or is not a text. */
export function parseAdCredentials(req: GenAuthRequest): AdCredentials {
  return { sAMAccountName: readText(req, 'sAMAccountName'), password: readText(req, 'password') };
}

/**
 * A text that the body itself has: `?password[$ne]=1` makes an object of it, `password=a&password=b` a list, and a body may
 * bring its own `__proto__`. Query strings are not looked at: passwords in addresses end up in access logs.
 */
function readText({ body }: GenAuthRequest, name: string): string {
  if (typeof body !== 'object' || body === null) {
    throw new RequestError(
      `The request has no body with "${name}": send JSON, and have it parsed before this route (express.json() in Express).`,
    );
  }
  const value: unknown = Object.hasOwn(body, name) ? (body as Record<string, unknown>)[name] : undefined;
  if (typeof value !== 'string' || value === '')
    throw new RequestError(`"${name}" must be a text and must not be empty.`);
  return value;
}
