import { OAuthRefusal } from './oauth-refusal.js';
import type { EmulatorRequest } from '../http/operation.js';

/** The media type of the body of POST requests in OAuth (RFC 6749 §4). */
export const FORM = 'application/x-www-form-urlencoded';

/** The parameters of a query string or a form. Each parameter occurs once and is not empty. */
export type Parameters = ReadonlyMap<string, string>;

/**
 * Reads the parameters of a query string or a form. A parameter without a value is treated as absent (RFC 6749 §3.2).
 * Unknown parameters are kept.
 *
 * @throws OAuthRefusal with the code `invalid_request` if a parameter occurs more than once.
 */
export function readParameters(text: string): Parameters {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (value === '') continue;
    if (parameters.has(name)) throw invalidRequest('a parameter is included more than once');
    parameters.set(name, value);
  }
  return parameters;
}

/** @throws OAuthRefusal with the code `invalid_request` if the request has no body, or if the body is not a form. */
export function readForm({ body }: EmulatorRequest): Parameters {
  if (typeof body !== 'string') throw invalidRequest(`the body must be ${FORM}`);
  return readParameters(body);
}

/** @throws OAuthRefusal with the code `invalid_request` if the parameter is absent. */
export function requireParameter(parameters: Parameters, name: string): string {
  const value = parameters.get(name);
  if (value === undefined) throw invalidRequest(`missing required parameter ${name}`);
  return value;
}

export function invalidRequest(description: string): OAuthRefusal {
  return new OAuthRefusal(400, 'invalid_request', description);
}
