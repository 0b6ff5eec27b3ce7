import { at, readBoolean, readInteger, readJson, readObject, readOneOf } from './check.js';
import { EmulatorError } from './errors.js';
import { readTimes } from './timed-queue.js';

/** Endpoints that faults and counts know by name. `token` is the name of one that is not built yet. */
export const ENDPOINTS = ['signin', 'jwks', 'discovery', 'system', 'token', 'captcha'] as const;
export type EmulatorEndpoint = (typeof ENDPOINTS)[number];

/** A trouble to make at one endpoint, in place of its answer or (with `delayMs` alone) before it. */
export interface EmulatorFault {
  endpoint: EmulatorEndpoint;
  /** HTTP status to answer, 200 to 599. Default 200 if there is a `body`. */
  status?: number;
  /** Body to answer: a string goes out as it is, as `text/html`; anything else as JSON. Default: empty. */
  body?: unknown;
  /** Milliseconds to wait first. */
  delayMs?: number;
  /** Close the connection without an answer. */
  drop?: boolean;
  /** How many requests it meets. Default: all, until the faults are cleared or another one is set. */
  times?: number;
}

/** A fault, checked and ready to be sent. */
export interface PreparedFault {
  readonly delayMs: number;
  readonly drop: boolean;
  readonly reply: { readonly status: number; readonly contentType: string; readonly body: string } | undefined;
}

/**
 * @param path what the fault is called in messages
 * @throws EmulatorError `invalid_input`
 */
export function readFault(fault: unknown, path: string) {
  const given = readObject(fault, path, ['endpoint', 'status', 'body', 'delayMs', 'drop', 'times']);
  const endpoint = readOneOf(given.get('endpoint'), at(path, 'endpoint'), ENDPOINTS);
  // The most that a Node timer can wait; above that it would fire at once.
  const delayMs = readInteger(given.get('delayMs') ?? 0, at(path, 'delayMs'), 0, 2_147_483_647);
  const drop = readBoolean(given.get('drop') ?? false, at(path, 'drop'));
  const times = given.has('times') ? readTimes(given.get('times'), at(path, 'times')) : Infinity;
  const answers = given.has('status') || given.has('body');
  if (drop && answers) {
    throw new EmulatorError('invalid_input', `${at(path, 'drop')}: a dropped connection has no status and no body.`);
  }
  if (!drop && !answers && delayMs === 0) {
    throw new EmulatorError('invalid_input', `${path}: a fault needs one of status, body, delayMs and drop.`);
  }
  const status = readInteger(given.get('status') ?? 200, at(path, 'status'), 200, 599);
  const reply = answers ? { status, ...readBody(given, at(path, 'body')) } : undefined;
  return { endpoint, times, fault: { delayMs, drop, reply } satisfies PreparedFault };
}

function readBody(given: ReadonlyMap<string, unknown>, path: string): { contentType: string; body: string } {
  const body = given.get('body') ?? (given.has('body') ? null : '');
  // A string stands for what a proxy in front of GenAuth might send: an error page, or half an answer.
  if (typeof body === 'string') return { contentType: 'text/html; charset=utf-8', body };
  return { contentType: 'application/json; charset=utf-8', body: readJson(body, path) };
}
