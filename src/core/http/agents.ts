import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Duplex } from 'node:stream';

/**
 * Maximum time during which a connection is used again, in milliseconds. After a move of the host in DNS, no request is
 * sent to the old address for longer.
 */
const MAX_CONNECTION_AGE_MS = 5 * 60_000;

/** The end of the first exchange of each kept connection, in milliseconds of `performance.now()`. */
const firstKeptAt = new WeakMap<Duplex, number>();

function isYoung(socket: Duplex): boolean {
  const now = performance.now();
  const since = firstKeptAt.get(socket);
  if (since !== undefined) return now - since < MAX_CONNECTION_AGE_MS;
  firstKeptAt.set(socket, now);
  return true;
}

/** Agent for http hosts that closes each connection 5 minutes after its first exchange. */
export class PlainAgent extends HttpAgent {
  override keepSocketAlive(socket: Duplex): boolean {
    // Node.js closes the connection if this method returns false. Its own method follows the header `Keep-Alive`.
    return isYoung(socket) && (super.keepSocketAlive(socket) as unknown as boolean);
  }
}

/** Agent for https hosts that closes each connection 5 minutes after its first exchange. */
export class TlsAgent extends HttpsAgent {
  override keepSocketAlive(socket: Duplex): boolean {
    return isYoung(socket) && (super.keepSocketAlive(socket) as unknown as boolean);
  }
}
