import { randomBytes } from 'node:crypto';
import { isIP } from 'node:net';
import type { pki } from 'node-forge';
import { importNodeForge } from '../optional-packages.js';
import { generateRsaKey } from './rsa-key.js';

const DAY_MS = 86_400_000;
/** The lifetime of both certificates. Apple's systems accept at most 825 days. */
const LIFETIME_MS = 800 * DAY_MS;
/** The time before its end at which a stored certificate is replaced. */
const RENEWAL_MS = 30 * DAY_MS;

/** The certificates of the option `tls`, in PEM, with their private keys. */
export interface Certificates {
  /** The names and IP addresses in the certificate of the server. */
  readonly hosts: readonly string[];
  /** The time at which both certificates expire, in milliseconds since 1970. */
  readonly expiresAt: number;
  /** The certificate of the authority, which clients trust. */
  readonly ca: string;
  /** The certificate of the server. */
  readonly cert: string;
  /** The private key of the server. */
  readonly key: string;
}

/**
 * Creates a certificate authority and the certificate of a server
 * ([RFC 5280](https://www.rfc-editor.org/rfc/rfc5280)). The private key of the authority is not kept, so no other
 * certificate can be made with it.
 *
 * @param hosts - The names and IP addresses by which clients call the server.
 * @throws EmulatorError with the code `node_forge_missing` if the package `node-forge` is not installed.
 */
export async function createCertificates(hosts: readonly string[]): Promise<Certificates> {
  const [forge, authorityKey, serverKey] = await Promise.all([
    importNodeForge(),
    generateRsaKey(2048),
    generateRsaKey(2048),
  ]);
  const signer = forge.pki.privateKeyFromPem(authorityKey.privateKey);
  const expiresAt = Date.now() + LIFETIME_MS;
  const issuer = [{ name: 'commonName', value: `GenAuth emulator ${randomBytes(4).toString('hex')}` }];
  const sign = (subject: pki.CertificateField[], publicKey: string, extensions: object[]): pki.Certificate => {
    const certificate = forge.pki.createCertificate();
    certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
    // The first byte is not 0 and not negative, so the number is positive.
    certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
    // The clock of another machine may be behind.
    certificate.validity = { notBefore: new Date(Date.now() - DAY_MS), notAfter: new Date(expiresAt) };
    certificate.setSubject(subject);
    certificate.setIssuer(issuer);
    certificate.setExtensions(extensions);
    certificate.sign(signer, forge.md.sha256.create());
    return certificate;
  };
  const authority = sign(issuer, authorityKey.publicKey, [
    { name: 'basicConstraints', cA: true, critical: true },
    { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  const server = sign([{ name: 'commonName', value: 'GenAuth emulator' }], serverKey.publicKey, [
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, keyEncipherment: true, critical: true },
    { name: 'extKeyUsage', serverAuth: true },
    { name: 'subjectKeyIdentifier' },
    { name: 'authorityKeyIdentifier', keyIdentifier: authority.generateSubjectKeyIdentifier().getBytes() },
    { name: 'subjectAltName', altNames: hosts.map(toAltName) },
  ]);
  const toPem = (certificate: pki.Certificate): string => forge.pki.certificateToPem(certificate).replaceAll('\r', '');
  return {
    hosts,
    expiresAt,
    ca: toPem(authority),
    cert: toPem(server),
    key: serverKey.privateKey,
  };
}

/** Returns whether stored certificates are still good for these hosts. */
export function areUsable({ hosts: stored, expiresAt }: Certificates, hosts: readonly string[]): boolean {
  return expiresAt - Date.now() > RENEWAL_MS && hosts.every((host) => stored.includes(host));
}

/** Returns the alternative name of a host. The numbers are the types of RFC 5280 §4.2.1.6. */
function toAltName(host: string): object {
  return isIP(host) === 0 ? { type: 2, value: host } : { type: 7, ip: host };
}
