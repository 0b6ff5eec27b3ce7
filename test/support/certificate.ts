import { generateKeyPairSync, randomBytes } from 'node:crypto';
import forge from 'node-forge';

const HOUR = 3600e3;

/** A certificate authority of the test's own. Its servers share its key. All texts are PEM. */
export class CertificateAuthority {
  /** Its own certificate. */
  readonly cert: string;
  readonly #name: string;
  readonly #key = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });

  constructor(name = 'Authority of a test') {
    this.#name = name;
    this.cert = this.#sign(name, {}, { name: 'basicConstraints', cA: true });
  }

  /** Issues the certificate of a server. Default: for 127.0.0.1, valid for a day. */
  issue({ hosts = ['127.0.0.1'], ...dates }: { hosts?: string[]; notBefore?: Date; notAfter?: Date } = {}) {
    // The types of alternative names in RFC 5280 §4.2.1.6.
    const altNames = hosts.map((host) => (/^[\d.]+$/.test(host) ? { type: 7, ip: host } : { type: 2, value: host }));
    const cert = this.#sign('Server of a test', dates, { name: 'subjectAltName', altNames });
    return { cert, key: this.#key.privateKey };
  }

  #sign(subject: string, dates: Partial<forge.pki.Certificate['validity']>, extension: object): string {
    const cert = forge.pki.createCertificate();
    const now = Date.now();
    const validity = { notBefore: new Date(now - HOUR), notAfter: new Date(now + 24 * HOUR), ...dates };
    const serialNumber = `01${randomBytes(8).toString('hex')}`;
    Object.assign(cert, { serialNumber, validity, publicKey: forge.pki.publicKeyFromPem(this.#key.publicKey) });
    cert.setSubject([{ name: 'commonName', value: subject }]);
    cert.setIssuer([{ name: 'commonName', value: this.#name }]);
    cert.setExtensions([extension]);
    cert.sign(forge.pki.privateKeyFromPem(this.#key.privateKey), forge.md.sha256.create());
    return forge.pki.certificateToPem(cert).replaceAll('\r', '');
  }
}
