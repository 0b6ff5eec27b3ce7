import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout } from 'node:timers/promises';
import type { FaultReply, Sending } from '../state/faults.js';

/** Filler of bodies that are too large, by the piece, so that no large one ever lies in memory. */
const SPACES = Buffer.alloc(64 * 1024, ' ');

/** An answer as it goes out: its bytes, and what its head says. */
export interface Message extends FaultReply {
  readonly headers: Readonly<Record<string, string>>;
}

/**
 * Sends an answer too slowly, too large, or both. Ends when the caller is gone.
 *
 * @param gone aborts with the caller's connection
 */
export async function sendFaulty(
  res: ServerResponse,
  { status, headers, contentType, body }: Message,
  { dripMs, size }: Sending,
  gone: AbortSignal,
): Promise<void> {
  const length = Math.max(size, body.length);
  res.writeHead(status, { ...headers, 'content-type': contentType, 'content-length': length });
  res.flushHeaders();
  const pieces = listPieces(body, length);
  try {
    await pipeline(
      Readable.from(dripMs === undefined ? pieces : drip(pieces, dripMs, gone), { objectMode: false }),
      res,
    );
  } catch {
    // The caller has left, or the emulator was stopped. There is no connection to report it on.
    res.destroy();
  }
}

function* listPieces(body: Buffer, length: number): Generator<Buffer> {
  if (body.length > 0) yield body;
  for (let left = length - body.length; left > 0; left -= SPACES.length) yield SPACES.subarray(0, left);
}

async function* drip(pieces: Iterable<Buffer>, dripMs: number, gone: AbortSignal): AsyncGenerator<Buffer> {
  for (const piece of pieces) {
    for (const byte of piece) {
      yield Buffer.of(byte);
      // With 0 as well: each byte has a turn of the event loop, and so a packet, to itself.
      await setTimeout(dripMs, undefined, { signal: gone });
    }
  }
}

/** Waits. @returns whether the caller is still there at the end */
export async function waitFor(delayMs: number, gone: AbortSignal): Promise<boolean> {
  if (delayMs === 0) return true;
  try {
    return await setTimeout(delayMs, true, { signal: gone });
  } catch {
    return false;
  }
}
