// The load: keep-alive connections that send the next request when the answer to the last one is there. Bare sockets, so that
// this process can keep two servers busy.
import { connect } from 'node:net';
import { answerCalls } from '../lib/processes.mjs';

const CONNECTIONS = 16;
const HEAD_END = Buffer.from('\r\n\r\n');
let requests = {};

/** @param tokens - Lists of tokens by name, each used in turn. */
function prepare(tokens) {
  const toRequest = (token) =>
    Buffer.from(
      `GET /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\nAuthorization: Bearer ${token}\r\n\r\n`,
    );
  requests = Object.fromEntries(Object.entries(tokens).map(([name, list]) => [name, list.map(toRequest)]));
}

/** One connection; calls back after each answer with its status, and the callback says what is sent next, if anything. */
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

  /** Whether the answer is complete. */
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
    if (Number.isNaN(length)) throw new Error(`an answer without content-length: ${head}`);
    this.#missing = end + HEAD_END.length + length - bytes.length;
    return this.#missing <= 0;
  }
}

/**
 * Requests until the time is up, to all servers at once.
 *
 * @param atLeast - Requests for each server, also if it takes longer.
 * @returns How many each of them answered.
 */
async function run(ports, tokens, milliseconds, atLeast = 0) {
  const list = requests[tokens];
  const until = performance.now() + milliseconds;
  const counts = ports.map(() => 0);
  const connections = ports.flatMap((port, index) => {
    let sent = 0;
    const next = (status) => {
      if (status !== undefined) {
        if (status !== 200) throw new Error(`port ${port} answered ${status}`);
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
