import { OAuthRefusal } from './oauth-refusal.js';
import type { EmulatorRequest } from '../http/operation.js';

/** The one media type of OAuth's POST bodies (RFC 6749 §4). */
export const FORM = 'application/x-www-form-urlencoded';

/** Parameters of a query or a form, each there once and not empty. */
export type Parameters = ReadonlyMap<string, string>;

/**
 * Reads a query or a form. A parameter without a value counts as left out (RFC 6749 §3.2); unknown ones are let
 * through.
 *
 * @throws OAuthRefusal `invalid_request`: a parameter is there twice
 */
export function readParameters(text: string): Parameters {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(text)) {
    if (value === '') continue;
    if (parameters.has(name)) throw invalidRequest('a parameter is there more than once');
    parameters.set(name, value);
  }
  return parameters;
}

/** @throws OAuthRefusal `invalid_request`: another kind of body, or none */
export function readForm({ body }: EmulatorRequest): Parameters {
  if (typeof body !== 'string') throw invalidRequest(`the body must be ${FORM}`);
  return readParameters(body);
}

/** @throws OAuthRefusal `invalid_request` */
export function requireParameter(parameters: Parameters, name: string): string {
  const value = parameters.get(name);
  if (value === undefined) throw invalidRequest(`missing required parameter ${name}`);
  return value;
}

export function invalidRequest(description: string): OAuthRefusal {
  return new OAuthRefusal(400, 'invalid_request', description);
}
