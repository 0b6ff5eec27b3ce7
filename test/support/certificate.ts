import { type KeyObject, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/** A certificate with its key, both PEM, as a TLS server wants them. */
export interface Certificate {
  cert: string;
  key: string;
}

interface Subject {
  name: string;
  /** Alternative names: addresses as `127.0.0.1`, all else as DNS names. */
  hosts?: readonly string[];
  notBefore?: Date;
  notAfter?: Date;
}

/** DER (X.690 §8): tag, length, content. */
function der(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

const sequence = (...parts: readonly Uint8Array[]): Buffer => der(0x30, ...parts);
const oid = (hex: string): Buffer => der(0x06, Buffer.from(hex, 'hex'));
const TRUE = der(0x01, Buffer.from([0xff]));
const COMMON_NAME = oid('550403');
const BASIC_CONSTRAINTS = oid('551d13');
const SUBJECT_ALT_NAME = oid('551d11');
const ECDSA_WITH_SHA256 = sequence(oid('2a8648ce3d040302'));

const distinguishedName = (name: string): Buffer =>
  sequence(der(0x31, sequence(COMMON_NAME, der(0x0c, Buffer.from(name)))));
/** GeneralizedTime is for years from 2050 on; none is used here. */
const utcTime = (date: Date): Buffer =>
  der(0x17, Buffer.from(`${date.toISOString().slice(2, 19).replaceAll(/[-:T]/g, '')}Z`));
const alternativeName = (host: string): Buffer =>
  /^[\d.]+$/.test(host) ? der(0x87, Buffer.from(host.split('.').map(Number))) : der(0x82, Buffer.from(host));

const ECDSA_KEY = { namedCurve: 'P-256' };
const HOUR = 3600e3;

interface Signer {
  name: string;
  key: KeyObject;
}

/** X.509 v3 (RFC 5280) with ECDSA P-256, written by hand, so that no tool is needed. */
function writeCertificate(subject: Subject, publicKey: KeyObject, signer: Signer, extension: Buffer): string {
  const { name, notBefore = new Date(Date.now() - HOUR), notAfter = new Date(Date.now() + 24 * HOUR) } = subject;
  const body = sequence(
    der(0xa0, der(0x02, Buffer.from([2]))),
    der(0x02, Buffer.from([1]), randomBytes(8)),
    ECDSA_WITH_SHA256,
    distinguishedName(signer.name),
    sequence(utcTime(notBefore), utcTime(notAfter)),
    distinguishedName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, sequence(extension)),
  );
  const signature = der(0x03, Buffer.from([0]), sign('sha256', body, signer.key));
  const base64 = sequence(body, ECDSA_WITH_SHA256, signature).toString('base64');
  return ['-----BEGIN CERTIFICATE-----', ...(base64.match(/.{1,64}/g) ?? []), '-----END CERTIFICATE-----', ''].join(
    '\n',
  );
}

const hostNames = (hosts: readonly string[]): Buffer =>
  sequence(SUBJECT_ALT_NAME, der(0x04, sequence(...hosts.map(alternativeName))));

/** A certificate authority of the test's own. */
export class CertificateAuthority {
  /** Its own certificate, PEM. */
  readonly cert: string;
  readonly #signer: Signer;

  constructor(name = 'Authority of a test') {
    const { privateKey, publicKey } = generateKeyPairSync('ec', ECDSA_KEY);
    this.#signer = { name, key: privateKey };
    const mayIssue = sequence(BASIC_CONSTRAINTS, TRUE, der(0x04, sequence(TRUE)));
    this.cert = writeCertificate({ name }, publicKey, this.#signer, mayIssue);
  }

  /** A server's certificate; for 127.0.0.1 and valid for a day unless told otherwise. */
  issue({ hosts = ['127.0.0.1'], ...dates }: Omit<Partial<Subject>, 'name'> = {}): Certificate {
    const { privateKey, publicKey } = generateKeyPairSync('ec', ECDSA_KEY);
    const cert = writeCertificate({ name: 'Server of a test', ...dates }, publicKey, this.#signer, hostNames(hosts));
    return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
  }

  /** A certificate for 127.0.0.1 that no authority issued. */
  issueSelfSigned(): Certificate {
    const { privateKey, publicKey } = generateKeyPairSync('ec', ECDSA_KEY);
    const name = 'Server of a test';
    const cert = writeCertificate({ name }, publicKey, { name, key: privateKey }, hostNames(['127.0.0.1']));
    return { cert, key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string };
  }
}
