// Sends the requests of the benchmark. Each keep-alive connection sends its next request when it has received the last
// response. This process uses plain sockets, which are fast enough to give two servers work all the time.
import { connect } from 'node:net';
import { answerCalls } from '../lib/processes.mjs';

const CONNECTIONS = 16;
const HEAD_END = Buffer.from('\r\n\r\n');
let requests = {};

/**
 * Builds the requests of each mode.
 *
 * @param tokens - The lists of access tokens, by the name of the mode. The access tokens of a list are sent in turn.
 */
function prepare(tokens) {
  const toRequest = (token) =>
    Buffer.from(
      `GET /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
  requests = Object.fromEntries(Object.entries(tokens).map(([name, list]) => [name, list.map(toRequest)]));
}

/**
 * One keep-alive connection to a server. It calls `next` with the HTTP status of each response. `next` returns the next
 * request, or `undefined` to close the connection.
 */
class Connection {
  #socket;
  #received = [];
  #missing = 0;
  #status = 0;

  constructor(port, next) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.closed = new Promise((resolve, reject) => {
      this.#socket.on('error', reject);
      this.#socket.on('close', resolve);
    });
    const send = (status) => {
      const request = next(status);
      if (request === undefined) this.#socket.end();
      else this.#socket.write(request);
    };
    this.#socket.on('connect', () => send(undefined));
    this.#socket.on('data', (chunk) => this.#read(chunk) && send(this.#status));
  }

  /** Reads a part of the response and returns whether the response is complete. */
  #read(chunk) {
    if (this.#missing > 0) {
      this.#missing -= chunk.length;
      return this.#missing <= 0;
    }
    this.#received.push(chunk);
    const bytes = this.#received.length === 1 ? chunk : Buffer.concat(this.#received);
    const end = bytes.indexOf(HEAD_END);
    if (end === -1) return false;
    this.#received = [];
    const head = bytes.latin1Slice(0, end);
    this.#status = Number(head.slice(9, 12));
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(head)?.[1] ?? Number.NaN);
    if (Number.isNaN(length)) throw new Error(`A response has no content-length: ${head}`);
    this.#missing = end + HEAD_END.length + length - bytes.length;
    return this.#missing <= 0;
  }
}

/**
 * Sends requests to all servers at the same time, for the given number of milliseconds.
 *
 * @param atLeast - The minimum number of requests for each server, even if they take longer than `milliseconds`.
 * @returns The number of responses of each server.
 */
async function run(ports, tokens, milliseconds, atLeast = 0) {
  const list = requests[tokens];
  const until = performance.now() + milliseconds;
  const counts = ports.map(() => 0);
  const connections = ports.flatMap((port, index) => {
    let sent = 0;
    const next = (status) => {
      if (status !== undefined) {
        if (status !== 200) throw new Error(`The server on port ${port} answered with status ${status}.`);
        counts[index] += 1;
      }
      if (sent >= atLeast && performance.now() >= until) return undefined;
      sent += 1;
      return list[sent % list.length];
    };
    return Array.from({ length: CONNECTIONS }, () => new Connection(port, next));
  });
  await Promise.all(connections.map(({ closed }) => closed));
  return counts;
}

answerCalls({ prepare, run });
