import type { ServerResponse } from 'node:http';
import type { RefusalBody } from '../web/refusal.js';

/**
 * Sends a JSON response to the request. Does nothing if a response was already sent, for example by a timeout handler.
 */
export function answerJson(res: ServerResponse, body: RefusalBody, headers: Readonly<Record<string, string>>): void {
  if (res.headersSent) return;
  const json = JSON.stringify(body);
  res.writeHead(body.statusCode, {
    ...headers,
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(json),
    'cache-control': 'no-store',
  });
  res.end(json);
}
