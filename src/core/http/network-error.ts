import type { ClientRequest } from 'node:http';
import { TLSSocket } from 'node:tls';
import { cleanText } from '../util/quote.js';
import { isRecord } from '../util/record.js';

/** The facts of a failed connection. */
export interface NetworkFault {
  /** The error code of Node.js, for example `ECONNREFUSED`. */
  code: string | undefined;
  /**
   * The message of Node.js, or the reason that OpenSSL reports. If several addresses were tried: each address with its
   * error code.
   */
  message: string;
}

/**
 * Describes an error of Node.js. If a host has several addresses, Node.js reports all failed addresses in an
 * `AggregateError`.
 */
export function describeNetworkFault(error: unknown): NetworkFault {
  // `instanceof Error` is false for an error of Node.js if a test framework runs this package in another realm.
  if (!isRecord(error)) return { code: undefined, message: 'unknown error' };
  const { code, message = 'unknown error', errors } = error as Partial<NodeJS.ErrnoException & AggregateError>;
  // The errors of OpenSSL hold the reason between memory addresses and file names.
  const reason = /:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1] ?? message;
  if (!Array.isArray(errors)) return { code, message: cleanText(reason) };
  return { code, message: errors.map(describeAttempt).join(', ') };
}

function describeAttempt(error: NodeJS.ErrnoException & { address?: string; port?: number }): string {
  const { address, port, code } = error;
  if (address === undefined) return describeNetworkFault(error).message;
  return `${address.includes(':') ? `[${address}]` : address}:${port} ${code}`;
}

/**
 * Returns whether a server has ended TLS because it requires a client certificate, or does not accept the certificate
 * that the client has sent.
 */
export function isCertificateAlert({ message }: NetworkFault): boolean {
  return /alert (?:certificate|bad certificate|no certificate|unsupported certificate|unknown ca)/.test(message);
}

/**
 * Returns whether a failed request was sent completely, so that the server may have acted on it. A request is not sent
 * before the certificate of the server was accepted. With TLS 1.3 it is sent before the server checks the certificate
 * of the client, but the server does not read it without that certificate.
 */
export function wasSent(request: ClientRequest | undefined, error: unknown): boolean {
  if (request?.writableFinished !== true) return false;
  const { socket } = request;
  if (!(socket instanceof TLSSocket)) return true;
  return socket.authorized && !isCertificateAlert(describeNetworkFault(error));
}
