import forge from 'node-forge';

const HOUR_MS = 3600e3;
let serial = 1;

function write(subject, keys, issuer, issuerKey, extensions) {
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = keys.publicKey;
  certificate.serialNumber = `0${serial++}`;
  certificate.validity.notBefore = new Date(Date.now() - HOUR_MS);
  certificate.validity.notAfter = new Date(Date.now() + 24 * HOUR_MS);
  certificate.setSubject([{ name: 'commonName', value: subject }]);
  certificate.setIssuer([{ name: 'commonName', value: issuer }]);
  certificate.setExtensions(extensions);
  certificate.sign(issuerKey, forge.md.sha256.create());
  return forge.pki.certificateToPem(certificate);
}

/**
 * Creates a certificate for 127.0.0.1 and the certificate authority that issued it.
 *
 * @returns The certificate of the authority, the certificate for 127.0.0.1 and its private key, all as PEM text. The
 * certificates are valid for one day.
 */
export function createCertificate() {
  const [root, own] = [0, 1].map(() => forge.pki.rsa.generateKeyPair(2048));
  const ca = write('Authority of the bench', root, 'Authority of the bench', root.privateKey, [
    { name: 'basicConstraints', cA: true },
  ]);
  const cert = write('127.0.0.1', own, 'Authority of the bench', root.privateKey, [
    { name: 'subjectAltName', altNames: [{ type: 7, ip: '127.0.0.1' }] },
  ]);
  return { ca, cert, key: forge.pki.privateKeyToPem(own.privateKey) };
}
