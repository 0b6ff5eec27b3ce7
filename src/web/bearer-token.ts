import type { IncomingMessage } from 'node:http';
import { TokenVerificationError } from '../core/errors.js';
import type { GenAuthRequest } from '../core/options/types.js';

const ACCESS_TOKEN = { token: 'access_token' } as const;
const SCHEME = 'bearer ';
/** Longer than the longest token that is verified, by far less than what Node lets through. */
const MAX_HEADER_LENGTH = 16 * 1024;
/** RFC 6750 §2.1: `b64token`. No character belongs to both parts, so this takes linear time. */
const B64_TOKEN = /^[A-Za-z0-9\-._~+/]+=*$/;

/**
 * The token of `Authorization: Bearer …` (RFC 6750 §2.1), or `undefined` where the request brings no bearer token. Queries,
 * bodies and cookies are not looked at.
 *
 * @throws TokenVerificationError `token_malformed` for anything that is not one header with one token.
 */
export function parseBearerToken(req: GenAuthRequest): string | undefined {
  const header = req.headers['authorization'];
  if (header === undefined) return undefined;
  // Node keeps the first of several lines and a proxy may keep the last: then two machines read two different tokens.
  if (typeof header !== 'string' || countAuthorizationLines(req) > 1) {
    throw new TokenVerificationError('token_malformed', 'The request has more than one Authorization header.', {
      details: ACCESS_TOKEN,
    });
  }
  if (header.length > MAX_HEADER_LENGTH) {
    throw new TokenVerificationError('token_too_large', `The Authorization header has ${header.length} characters.`, {
      details: { ...ACCESS_TOKEN, expected: MAX_HEADER_LENGTH, actual: header.length },
    });
  }
  const scheme = header.slice(0, SCHEME.length).toLowerCase();
  if (scheme !== SCHEME && scheme !== 'bearer') return undefined;
  const token = header.slice(SCHEME.length).replace(/^ +/, '');
  if (!B64_TOKEN.test(token)) {
    throw new TokenVerificationError(
      'token_malformed',
      'The Authorization header holds no bearer token, or more than that.',
      { details: ACCESS_TOKEN },
    );
  }
  return token;
}

function countAuthorizationLines(req: GenAuthRequest): number {
  // Fastify keeps Node's own request in `raw`.
  const { rawHeaders = [] } = ((req as { raw?: unknown }).raw ?? req) as Partial<IncomingMessage>;
  let lines = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) if (rawHeaders[i]?.toLowerCase() === 'authorization') lines += 1;
  return lines;
}
