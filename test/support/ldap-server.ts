import { once } from 'node:events';
import type { AddressInfo, Socket } from 'node:net';
import { type Server, createServer } from 'node:tls';
import type { Certificate } from './certificate.js';

export interface LdapBind {
  kind: 'bind';
  dn: string;
  password: string;
}

export interface LdapSearch {
  kind: 'search';
  baseDn: string;
  /** 2 is the base and all that is below it. */
  scope: number;
  /** How many entries may come at the most; 0 for any number. */
  sizeLimit: number;
  /** What each entry must have: the members of an "and" of equalities, `attribute=value`. */
  filter: readonly string[];
}

export type LdapRequest = LdapBind | LdapSearch;

/** An LDAP result code with the text beside it, and before it the entries of a search: attribute → value. */
export interface LdapAnswer {
  code: number;
  text?: string;
  entries?: readonly LdapEntry[];
}

export type LdapEntry = Readonly<Record<string, string | Buffer | readonly string[]>>;

/** What to do with a request: answer it, cut the connection, say nothing, or answer it when the test wants to. */
export type LdapBehaviour = (request: LdapRequest) => LdapAnswer | 'drop' | 'silence' | 'later';

/** Gets what sends the answer to a request that is answered later. */
export type OnLater = (send: (answer: LdapAnswer) => void) => void;

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

  private constructor(certificate: Certificate, behave: LdapBehaviour, onLater: OnLater) {
    this.#server = createServer(certificate, (socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket)).on('error', () => {});
      socket.on('data', (bytes) => {
        const request = readRequest(bytes);
        if (request === undefined) return;
        this.requests.push(request);
        const send = (each: LdapAnswer): void => void socket.write(buildAnswer(bytes, request, each));
        const answer = behave(request);
        if (answer === 'drop') socket.destroy();
        else if (answer === 'later') onLater(send);
        else if (answer !== 'silence') send(answer);
      });
    });
  }

  /** Listens on a free port of a loopback address. */
  static async start(
    certificate: Certificate,
    behave: LdapBehaviour,
    { host = '127.0.0.1', onLater = () => {} }: { host?: string; onLater?: OnLater | undefined } = {},
  ): Promise<LdapServer> {
    const server = new LdapServer(certificate, behave, onLater);
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
}

/** The number of a message, and what stands behind it. */
function readMessage(bytes: Buffer): { id: Buffer; operation: Buffer } {
  const { content: id, rest: operation } = readBer(readBer(bytes).content);
  return { id, operation };
}

function readRequest(bytes: Buffer): LdapRequest | undefined {
  const { operation } = readMessage(bytes);
  if (operation[0] === BIND.request) return readBind(operation);
  return operation[0] === SEARCH.request ? readSearch(operation) : undefined;
}

function buildAnswer(bytes: Buffer, request: LdapRequest, { code, text = '', entries = [] }: LdapAnswer): Buffer {
  const { id } = readMessage(bytes);
  const limit = request.kind === 'search' && request.sizeLimit > 0 ? request.sizeLimit : Infinity;
  // As a directory does: so many, and then that there are more.
  const result = [ber(ENUMERATED, Buffer.from([entries.length > limit ? 4 : code])), ber(TEXT), ber(TEXT, text)];
  const messages = [
    ...entries.slice(0, limit).map((entry) => buildEntry(entry)),
    ber(request.kind === 'bind' ? BIND.answer : SEARCH.answer, ...result),
  ];
  return Buffer.concat(messages.map((message) => ber(SEQUENCE, ber(INTEGER, id), message)));
}

function readBind(operation: Buffer): LdapBind {
  const [, dn, password] = listBer(operation);
  return { kind: 'bind', dn: String(dn), password: String(password) };
}

function readSearch(operation: Buffer): LdapSearch {
  const [baseDn, scope, , sizeLimit, , , filter] = listBer(operation);
  const number = (bytes: Buffer | undefined): number => bytes?.readUIntBE(0, bytes.length) ?? 0;
  return {
    kind: 'search',
    baseDn: String(baseDn),
    scope: number(scope),
    sizeLimit: number(sizeLimit),
    filter: listParts(filter ?? Buffer.alloc(0)).map((part) => listBer(part).join('=')),
  };
}

/** The contents of what an element holds. */
function listBer(element: Buffer): Buffer[] {
  return listParts(readBer(element).content).map((part) => readBer(part).content);
}

function listParts(bytes: Buffer): Buffer[] {
  const parts: Buffer[] = [];
  for (let rest = bytes; rest.length > 0; rest = readBer(rest).rest) parts.push(rest);
  return parts;
}

function buildEntry({ dn = '', ...attributes }: LdapEntry): Buffer {
  const list = Object.entries(attributes).map(([name, value]) => {
    const values = typeof value === 'string' || Buffer.isBuffer(value) ? [value] : (value as readonly string[]);
    return ber(SEQUENCE, ber(TEXT, name), ber(SET, ...values.map((each) => ber(TEXT, each))));
  });
  return ber(SEARCH.entry, ber(TEXT, String(dn)), ber(SEQUENCE, ...list));
}
