import { randomBytes } from 'node:crypto';
import { at, readBoolean, readInteger, readJson, readObject, readOneOf } from '../input/readers.js';
import { EmulatorError } from '../errors.js';
import { readTimes } from './repeat-queue.js';

const JSON_TYPE = 'application/json; charset=utf-8';

/** Endpoints that faults and counts know by name. */
export const ENDPOINTS = [
  'signin',
  'jwks',
  'discovery',
  'system',
  'token',
  'captcha',
  'introspection',
  'revocation',
  'userinfo',
  'endsession',
] as const;
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
  /**
   * Milliseconds between two bytes of the body, which goes out one byte at a time: that of the fault or the true one.
   */
  dripMs?: number;
  /** Bytes that the body has at least: spaces behind it fill it up, so that JSON stays JSON, of whatever size. */
  oversize?: number;
  /** Random bytes to answer, so many, as if they were JSON. */
  garbage?: number;
  /** How many requests it meets. Default: all, until the faults are cleared or another one is set. */
  times?: number;
}

/** An answer that a fault gives in place of the endpoint's own. */
export interface FaultReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

/** How an answer leaves, whosever it is. */
export interface Sending {
  /** `undefined`: all at once. */
  readonly dripMs: number | undefined;
  /** Bytes, at least. */
  readonly size: number;
}

/** A fault, checked and ready to be sent. */
export interface PreparedFault {
  readonly delayMs: number;
  readonly drop: boolean;
  /** Made anew for each request: garbage is random. */
  readonly buildReply: (() => FaultReply) | undefined;
  /** `undefined`: as ever. */
  readonly sending: Sending | undefined;
}

/** The most that a Node timer can wait; above that it would fire at once. */
const MAX_DELAY_MS = 2_147_483_647;

/** 1 GiB, more than any client should read. */
const MAX_OVERSIZE_BYTES = 1_073_741_824;

/** What an answer can be made of; a dropped connection has none of it. */
const ANSWERS = ['status', 'body', 'dripMs', 'oversize', 'garbage'] as const;

/**
 * @param path what the fault is called in messages
 * @throws EmulatorError `invalid_input`
 */
export function readFault(fault: unknown, path: string) {
  const given = readObject(fault, path, ['endpoint', ...ANSWERS, 'delayMs', 'drop', 'times']);
  const read = (name: string, min: number, max: number) =>
    given.has(name) ? readInteger(given.get(name), at(path, name), min, max) : undefined;
  const endpoint = readOneOf(given.get('endpoint'), at(path, 'endpoint'), ENDPOINTS);
  const delayMs = read('delayMs', 0, MAX_DELAY_MS) ?? 0;
  const drop = readBoolean(given.get('drop') ?? false, at(path, 'drop'));
  const times = given.has('times') ? readTimes(given.get('times'), at(path, 'times')) : Infinity;
  const answer = ANSWERS.filter((name) => given.has(name));
  if (drop && answer.length > 0)
    throw refuse(at(path, 'drop'), `a dropped connection has no ${answer.join(' and no ')}`);
  if (given.has('garbage') && given.has('body')) throw refuse(at(path, 'garbage'), 'garbage has no body of its own');
  if (!drop && answer.length === 0 && delayMs === 0) {
    throw refuse(path, `a fault needs one of ${ANSWERS.join(', ')}, delayMs and drop`);
  }
  const status = read('status', 200, 599) ?? 200;
  const dripMs = read('dripMs', 0, MAX_DELAY_MS);
  const size = read('oversize', 1, MAX_OVERSIZE_BYTES) ?? 0;
  const prepared: PreparedFault = {
    delayMs,
    drop,
    buildReply: readReply(given, status, read('garbage', 1, MAX_GARBAGE_BYTES), at(path, 'body')),
    sending: dripMs === undefined && size === 0 ? undefined : { dripMs, size },
  };
  return { endpoint, times, fault: prepared };
}

/** 16 MiB: it is made in memory. */
const MAX_GARBAGE_BYTES = 16_777_216;

/** @returns `undefined` where the endpoint's own answer is wanted */
function readReply(
  given: ReadonlyMap<string, unknown>,
  status: number,
  garbage: number | undefined,
  path: string,
): PreparedFault['buildReply'] {
  if (garbage !== undefined) return () => ({ status, contentType: JSON_TYPE, body: randomBytes(garbage) });
  if (!given.has('status') && !given.has('body')) return undefined;
  const { contentType, body } = readBody(given, path);
  const reply = { status, contentType, body: Buffer.from(body) };
  return () => reply;
}

function refuse(path: string, mistake: string): EmulatorError {
  return new EmulatorError('invalid_input', `${path}: ${mistake}.`);
}

function readBody(given: ReadonlyMap<string, unknown>, path: string): { contentType: string; body: string } {
  const body = given.get('body') ?? (given.has('body') ? null : '');
  // A string stands for what a proxy in front of GenAuth might send: an error page, or half an answer.
  if (typeof body === 'string') return { contentType: 'text/html; charset=utf-8', body };
  return { contentType: JSON_TYPE, body: readJson(body, path) };
}
