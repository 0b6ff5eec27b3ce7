/** The page waits at most this long for a response. */
const TIMEOUT_MS = 30_000;

/**
 * A request that was refused or not answered. `code` is a key of the texts `codes`. Without a response `status` is 0.
 */
export class Failure extends Error {
  constructor({ status, code, retryAfter, body = {} }) {
    super(`${status} ${code}`);
    Object.assign(this, { status, code, retryAfter, body });
  }
}

/**
 * Sends a request to the sample application.
 *
 * @returns The HTTP status and the JSON body of the response.
 * @throws Failure if the request was refused, or if there is no response.
 */
export async function call(path, init) {
  let response;
  try {
    response = await fetch(path, { ...init, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch {
    throw new Failure({ status: 0, code: 'network_down' });
  }
  const { status, ok, headers } = response;
  const body = await response.json().catch(() => null);
  if (ok && body !== null) return { status, body };
  const retryAfter = Number(headers.get('retry-after') ?? Number.NaN);
  throw new Failure({ status, code: body?.code, retryAfter, body: body ?? {} });
}

/** Sends JSON with POST, and returns the body of the response. */
export async function post(path, body) {
  const headers = { 'content-type': 'application/json' };
  return (await call(path, { method: 'POST', headers, body: JSON.stringify(body) })).body;
}
