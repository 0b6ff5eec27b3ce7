import type { ServerResponse } from 'node:http';
import type { RefusalBody } from '../web/refusal.js';

/** Answers with JSON, unless somebody else, a time-out say, was faster. */
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
