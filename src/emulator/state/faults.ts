import { randomBytes } from 'node:crypto';
import { at, readBoolean, readInteger, readJson, readObject, readOneOf } from '../input/readers.js';
import { EmulatorError } from '../errors.js';
import { readTimes } from './repeat-queue.js';

const JSON_TYPE = 'application/json; charset=utf-8';

/** Names of the endpoints that can have faults, and whose requests are counted. */
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
/** Name of an endpoint for faults and request counts. */
export type EmulatorEndpoint = (typeof ENDPOINTS)[number];

/**
 * A fault of one endpoint. At least one of `status`, `body`, `delayMs`, `drop`, `dripMs`, `oversize` and `garbage` is
 * required.
 *
 * With `status`, `body` or `garbage`, the fault replaces the response of the endpoint. Otherwise the endpoint runs, and
 * its own response is sent.
 */
export interface EmulatorFault {
  /** The endpoint that has the fault. */
  endpoint: EmulatorEndpoint;
  /** HTTP status of the response, 200 to 599. Default 200. */
  status?: number;
  /**
   * Body of the response. A string is sent unchanged as `text/html`, any other value as JSON. Default: empty. Cannot be
   * combined with `garbage`.
   */
  body?: unknown;
  /** Milliseconds to wait before the response. Default 0. */
  delayMs?: number;
  /**
   * Whether to close the connection without a response. Cannot be combined with `status`, `body`, `dripMs`, `oversize`
   * or `garbage`. Default `false`.
   */
  drop?: boolean;
  /** Milliseconds between two bytes of the body. The body is sent one byte at a time. Default: all bytes at once. */
  dripMs?: number;
  /**
   * Minimum size of the body in bytes, at most 1 GiB. Spaces are appended to a shorter body, so that a JSON body stays
   * valid JSON.
   */
  oversize?: number;
  /** Number of random bytes to send as an `application/json` body, at most 16 MiB. */
  garbage?: number;
  /**
   * Number of requests that get the fault. Default: all requests, until the faults are cleared or another fault is
   * added to the endpoint.
   */
  times?: number;
}

/** A response that a fault sends instead of the endpoint's response. */
export interface FaultReply {
  readonly status: number;
  readonly contentType: string;
  readonly body: Buffer;
}

/** How the body of a response is sent. */
export interface Delivery {
  /** Milliseconds between two bytes. `undefined` sends all bytes at once. */
  readonly dripMs: number | undefined;
  /** Minimum size of the body in bytes. */
  readonly size: number;
}

/** A checked fault, ready to be applied. */
export interface PreparedFault {
  readonly delayMs: number;
  readonly drop: boolean;
  /**
   * Builds the response that replaces the endpoint's response. It is called for each request, because garbage is
   * random. `undefined` keeps the endpoint's response.
   */
  readonly buildReply: (() => FaultReply) | undefined;
  /** `undefined` sends the response in the usual way. */
  readonly delivery: Delivery | undefined;
}

/** Longest delay of a Node timer in milliseconds. A longer delay would fire immediately. */
const MAX_DELAY_MS = 2_147_483_647;

/** 1 GiB. No client should read a body of this size. */
const MAX_OVERSIZE_BYTES = 1_073_741_824;

/** Properties of a fault that describe a response. They cannot be combined with `drop`. */
const RESPONSE_PROPERTIES = ['status', 'body', 'dripMs', 'oversize', 'garbage'] as const;

/**
 * Checks a fault.
 *
 * @param path Name of the fault in messages.
 * @throws EmulatorError `invalid_input` if a property is wrong, or if two properties contradict each other.
 */
export function readFault(fault: unknown, path: string) {
  const given = readObject(fault, path, ['endpoint', ...RESPONSE_PROPERTIES, 'delayMs', 'drop', 'times']);
  const read = (name: string, min: number, max: number) =>
    given.has(name) ? readInteger(given.get(name), at(path, name), min, max) : undefined;
  const endpoint = readOneOf(given.get('endpoint'), at(path, 'endpoint'), ENDPOINTS);
  const delayMs = read('delayMs', 0, MAX_DELAY_MS) ?? 0;
  const drop = readBoolean(given.get('drop') ?? false, at(path, 'drop'));
  const times = given.has('times') ? readTimes(given.get('times'), at(path, 'times')) : Infinity;
  const response = RESPONSE_PROPERTIES.filter((name) => given.has(name));
  if (drop && response.length > 0) {
    throw refuse(
      at(path, 'drop'),
      `it cannot be combined with ${response.join(', ')}. Remove drop or the other properties`,
    );
  }
  if (given.has('garbage') && given.has('body')) {
    throw refuse(at(path, 'garbage'), 'it cannot be combined with body. Remove garbage or body');
  }
  if (!drop && response.length === 0 && delayMs === 0) {
    throw refuse(path, `set at least one of ${RESPONSE_PROPERTIES.join(', ')}, delayMs and drop`);
  }
  const status = read('status', 200, 599) ?? 200;
  const dripMs = read('dripMs', 0, MAX_DELAY_MS);
  const size = read('oversize', 1, MAX_OVERSIZE_BYTES) ?? 0;
  const prepared: PreparedFault = {
    delayMs,
    drop,
    buildReply: readReply(given, status, read('garbage', 1, MAX_GARBAGE_BYTES), at(path, 'body')),
    delivery: dripMs === undefined && size === 0 ? undefined : { dripMs, size },
  };
  return { endpoint, times, fault: prepared };
}

/** 16 MiB. Garbage is created in memory. */
const MAX_GARBAGE_BYTES = 16_777_216;

/** Returns the function that builds the fault's response. `undefined` if the fault keeps the endpoint's response. */
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
  // A string imitates the response of a proxy in front of GenAuth: an error page, or an incomplete response.
  if (typeof body === 'string') return { contentType: 'text/html; charset=utf-8', body };
  return { contentType: JSON_TYPE, body: readJson(body, path) };
}
