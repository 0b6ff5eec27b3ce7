import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { type Server, createServer } from 'node:tls';
import type { Certificate } from './certificate.js';

export type LdapRequest = { kind: 'bind'; dn: string; password: string } | { kind: 'search' };

/** An LDAP result code with the text beside it, and before it the entries of a search: attribute → value. */
export interface LdapAnswer {
  code: number;
  text?: string;
  entries?: readonly Readonly<Record<string, string>>[];
}

/** What to do with a request: answer it, cut the connection, or say nothing. */
export type LdapBehaviour = (request: LdapRequest) => LdapAnswer | 'drop' | 'silence';

/** BER (X.690 §8.1): tag, length, content. */
function ber(tag: number, ...parts: readonly (Buffer | string)[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const { length } = content;
  return Buffer.concat([Buffer.from(length < 128 ? [tag, length] : [tag, 0x82, length >> 8, length & 255]), content]);
}

function readBer(bytes: Buffer): { content: Buffer; rest: Buffer } {
  const [, first = 0] = bytes;
  const sizeLength = first < 128 ? 0 : first - 128;
  const length = sizeLength === 0 ? first : bytes.readUIntBE(2, sizeLength);
  const start = 2 + sizeLength;
  return { content: bytes.subarray(start, start + length), rest: bytes.subarray(start + length) };
}

const SEQUENCE = 0x30;
const SET = 0x31;
const INTEGER = 0x02;
const TEXT = 0x04;
const ENUMERATED = 0x0a;
/** Protocol operations (RFC 4511 §4.2 to §4.5). */
const BIND = { request: 0x60, answer: 0x61 };
const SEARCH = { request: 0x63, entry: 0x64, answer: 0x65 };

/**
 * What may say anything that a directory could: a real one has no error at hand when a test wants it. It speaks as much LDAP as a sign-in
 * needs, one message in each piece of data.
 */
export class LdapServer {
  readonly requests: LdapRequest[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(certificate: Certificate, behave: LdapBehaviour) {
    this.#server = createServer(certificate, (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {});
      socket.on('data', (bytes) => {
        const answer = this.#answer(bytes, behave);
        if (answer === 'drop') socket.destroy();
        else if (answer !== 'silence') socket.write(answer);
      });
    });
  }

  /** Listens on a free port of a loopback address. */
  static async start(certificate: Certificate, behave: LdapBehaviour, host = '127.0.0.1'): Promise<LdapServer> {
    const server = new LdapServer(certificate, behave);
    server.#server.listen(0, host);
    await once(server.#server, 'listening');
    return server;
  }

  get url(): string {
    const { address, family, port } = this.#server.address() as AddressInfo;
    return `ldaps://${family === 'IPv6' ? `[${address}]` : address}:${port}`;
  }

  /** Resolves when the other side has ended every connection. */
  async idle(): Promise<void> {
    await Promise.all([...this.#sockets].map((socket) => once(socket, 'close')));
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #answer(bytes: Buffer, behave: LdapBehaviour): Buffer | 'drop' | 'silence' {
    const { content: id, rest: operation } = readBer(readBer(bytes).content);
    const tag = operation[0];
    if (tag !== BIND.request && tag !== SEARCH.request) return 'silence';
    const request = tag === BIND.request ? readBind(operation) : ({ kind: 'search' } as const);
    this.requests.push(request);
    const answer = behave(request);
    if (typeof answer === 'string') return answer;
    const { code, text = '', entries = [] } = answer;
    const result = [ber(ENUMERATED, Buffer.from([code])), ber(TEXT), ber(TEXT, text)];
    const messages = [
      ...entries.map((entry) => buildEntry(entry)),
      ber(tag === BIND.request ? BIND.answer : SEARCH.answer, ...result),
    ];
    return Buffer.concat(messages.map((message) => ber(SEQUENCE, ber(INTEGER, id), message)));
  }
}

function readBind(operation: Buffer): LdapRequest {
  const { rest: afterVersion } = readBer(readBer(operation).content);
  const { content: dn, rest: authentication } = readBer(afterVersion);
  return { kind: 'bind', dn: dn.toString(), password: readBer(authentication).content.toString() };
}

function buildEntry({ dn = '', ...attributes }: Readonly<Record<string, string>>): Buffer {
  const list = Object.entries(attributes).map(([name, value]) =>
    ber(SEQUENCE, ber(TEXT, name), ber(SET, ber(TEXT, value))),
  );
  return ber(SEARCH.entry, ber(TEXT, dn), ber(SEQUENCE, ...list));
}
