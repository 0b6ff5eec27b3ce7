import { randomBytes } from 'node:crypto';
import { at, readBoolean, readInteger, readJson, readObject, readOneOf } from '../input/readers.js';
import { EmulatorError } from '../errors.js';
import { readTimes } from './repeat-queue.js';

const JSON_TYPE = 'application/json; charset=utf-8';

/** The names of the endpoints that can have faults, and whose requests are counted. */
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
  'auth',
] as const;
/** The name of an endpoint that can have faults, and whose requests are counted. */
export type EmulatorEndpoint = (typeof ENDPOINTS)[number];

/**
 * A fault of one endpoint. At least one of `status`, `body`, `delayMs`, `drop`, `dripMs`, `oversize` and `garbage` is
 * required.
 *
 * With `status`, `body` or `garbage`, the fault replaces the response of the endpoint. Without these three properties,
 * the endpoint handles the request, and its own response is sent.
 */
export interface EmulatorFault {
  /** The endpoint that has the fault. */
  endpoint: EmulatorEndpoint;
  /** The HTTP status of the response, 200 to 599. Default: 200. */
  status?: number;
  /**
   * The body of the response. A string is sent unchanged as `text/html`, any other value as JSON. Default: empty. It
   * cannot be combined with `garbage`.
   */
  body?: unknown;
  /** The number of milliseconds to wait before the response. Default: 0. */
  delayMs?: number;
  /**
   * Whether the emulator closes the connection without a response. It cannot be combined with `status`, `body`,
   * `dripMs`, `oversize` or `garbage`. Default: `false`.
   */
  drop?: boolean;
  /**
   * The number of milliseconds between two bytes of the body. If it is set, the body is sent one byte at a time.
   * Default: all bytes are sent at once.
   */
  dripMs?: number;
  /**
   * The minimum size of the body in bytes, at most 1 GiB. Spaces are appended to a shorter body, so that a JSON body
   * stays valid JSON.
   */
  oversize?: number;
  /** The number of random bytes that are sent as an `application/json` body, at most 16 MiB. */
  garbage?: number;
  /**
   * The number of requests that get the fault. Default: all requests, until the faults are removed or another fault is
   * added to the endpoint.
   */
  times?: number;
}

/** A response that a fault sends instead of the endpoint's response. */
export interface FaultReply {
  /** The HTTP status. */
  readonly status: number;
  /** The value of the response header `Content-Type`. */
  readonly contentType: string;
  /** The bytes of the response body. */
  readonly body: Buffer;
}

/** The way in which the body of a response is sent. */
export interface Delivery {
  /** The number of milliseconds between two bytes. If it is `undefined`, all bytes are sent at once. */
  readonly dripMs: number | undefined;
  /** The minimum size of the body, in bytes. */
  readonly size: number;
}

/** A checked fault. */
export interface PreparedFault {
  /** A copy of the properties with which the fault was added, without `times`. */
  readonly given: Omit<EmulatorFault, 'times'>;
  /** The number of milliseconds to wait before the response. */
  readonly delayMs: number;
  /** Whether the connection is closed without a response. */
  readonly drop: boolean;
  /**
   * Builds the response that replaces the endpoint's response. The emulator calls this function for each request,
   * because the bytes of `garbage` are random. If it is `undefined`, the endpoint's own response is sent.
   */
  readonly buildReply: (() => FaultReply) | undefined;
  /** The way in which the body is sent. If it is `undefined`, the response is sent in the usual way. */
  readonly delivery: Delivery | undefined;
}

/** The longest delay of a Node.js timer, in milliseconds. A timer with a longer delay would end immediately. */
const MAX_DELAY_MS = 2_147_483_647;

/** The maximum of `oversize`: 1 GiB. No client should read a body of this size. */
const MAX_OVERSIZE_BYTES = 1_073_741_824;

/** The properties of a fault that describe a response. They cannot be combined with `drop`. */
const RESPONSE_PROPERTIES = ['status', 'body', 'dripMs', 'oversize', 'garbage'] as const;

/**
 * Checks the properties of a fault.
 *
 * @param path The name of the fault in error messages.
 * @throws EmulatorError with the code `invalid_input` if a property is wrong, or if two properties cannot be combined.
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
  // `readReply` checks that JSON can hold the body, so the properties are copied after it.
  const buildReply = readReply(given, status, read('garbage', 1, MAX_GARBAGE_BYTES), at(path, 'body'));
  const { times: _, ...properties } = Object.fromEntries(given);
  const prepared: PreparedFault = {
    given: JSON.parse(JSON.stringify(properties)) as Omit<EmulatorFault, 'times'>,
    delayMs,
    drop,
    buildReply,
    delivery: dripMs === undefined && size === 0 ? undefined : { dripMs, size },
  };
  return { endpoint, times, fault: prepared };
}

/** The maximum of `garbage`: 16 MiB. The random bytes are created in memory. */
const MAX_GARBAGE_BYTES = 16_777_216;

/** Returns the function that builds the fault's response, or `undefined` if the endpoint's own response is sent. */
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
  // A string has the type HTML, like the response of a proxy in front of GenAuth: an error page, or an incomplete
  // response.
  if (typeof body === 'string') return { contentType: 'text/html; charset=utf-8', body };
  return { contentType: JSON_TYPE, body: readJson(body, path) };
}
