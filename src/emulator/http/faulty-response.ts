import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import type { Delivery, FaultReply } from '../state/faults.js';

/**
 * The bytes that fill an oversized response body. They are sent repeatedly, so that an oversized body is never
 * completely in memory.
 */
const SPACES = Buffer.alloc(64 * 1024, ' ');

/** A response that is ready to be sent: HTTP status, headers and the bytes of the body. */
export interface PreparedResponse extends FaultReply {
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Sends a response slowly, with an oversized body, or both. Stops when the connection is closed.
 *
 * @param closed A signal that aborts when the connection is closed.
 */
export async function sendFaulty(
  res: ServerResponse,
  { status, headers, contentType, body }: PreparedResponse,
  { dripMs, size }: Delivery,
  closed: AbortSignal,
): Promise<void> {
  const length = Math.max(size, body.length);
  res.writeHead(status, { ...headers, 'content-type': contentType, 'content-length': length });
  res.flushHeaders();
  const pieces = listPieces(body, length);
  try {
    await pipeline(
      Readable.from(dripMs === undefined ? pieces : drip(pieces, dripMs, closed), { objectMode: false }),
      res,
    );
  } catch {
    // The client closed the connection, or the emulator was stopped. The error cannot be reported to the client.
    res.destroy();
  }
}

function* listPieces(body: Buffer, length: number): Generator<Buffer> {
  if (body.length > 0) yield body;
  for (let left = length - body.length; left > 0; left -= SPACES.length) yield SPACES.subarray(0, left);
}

async function* drip(pieces: Iterable<Buffer>, dripMs: number, closed: AbortSignal): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    for (const byte of piece) {
      yield Buffer.of(byte);
      // The timer also runs with 0 ms. So each byte is sent in its own turn of the event loop, and as its own packet.
      await setTimeout(dripMs, undefined, { signal: closed });
    }
  }
}

/**
 * Waits for `delayMs` milliseconds, or until the connection is closed.
 *
 * @returns Whether the connection is still open after the delay.
 */
export async function waitFor(delayMs: number, closed: AbortSignal): Promise<boolean> {
  if (delayMs === 0) return true;
  try {
    return await setTimeout(delayMs, true, { signal: closed });
  } catch {
    return false;
  }
}
