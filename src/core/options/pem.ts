import { X509Certificate, createPrivateKey } from 'node:crypto';

/** What is wrong with the value of an option, and how to correct it. */
interface Problem {
  problem: string;
  fix: string;
}

/** The labels of a certificate. OpenSSL writes the second with `-trustout`, and wrote the third formerly. */
const CERTIFICATE_LABELS = ['CERTIFICATE', 'TRUSTED CERTIFICATE', 'X509 CERTIFICATE'];
const BEGIN = /-----BEGIN [A-Z0-9 ]+-----/g;
const BLOCK = /-----BEGIN ([A-Z0-9 ]+)-----[^]*?-----END \1-----/g;

/**
 * Reads the certificates of a PEM text ([RFC 7468 §5](https://www.rfc-editor.org/rfc/rfc7468#section-5)). Node.js
 * ignores certificates in `ca` that it cannot read, and then trusts no server.
 *
 * @param name - The name of the option, for the line to write.
 * @returns The PEM text of each certificate, or the problem. A problem never contains a part of the text.
 */
export function parseCertificates(name: string, text: string): { certificates: readonly string[] } | Problem {
  const blocks = [...text.matchAll(BLOCK)];
  const mistake = findFormMistake(name, text, blocks);
  if (mistake !== undefined) return mistake;
  const other = blocks.map(([, label = '']) => label).find((label) => !CERTIFICATE_LABELS.includes(label));
  if (other !== undefined) return { problem: `contains a ${other}`, fix: 'write only certificates' };
  const certificates: string[] = [];
  for (const [block] of blocks) {
    try {
      certificates.push(new X509Certificate(block).toString());
    } catch {
      const problem = `has an unreadable certificate, number ${certificates.length + 1} of ${blocks.length}`;
      return { problem, fix: 'copy the whole file again. The command openssl x509 -in FILE -noout checks a file' };
    }
  }
  return { certificates };
}

/**
 * Checks the private key of a certificate: PEM text in the form PKCS #8, PKCS #1 or SEC 1, without a passphrase.
 *
 * @param certificate - The certificate (PEM) to which the key must belong.
 * @returns The problem, or `undefined`. A problem never contains a part of the text.
 */
export function findKeyProblem(name: string, text: string, certificate: string | undefined): Problem | undefined {
  const blocks = [...text.matchAll(BLOCK)];
  const mistake = findFormMistake(name, text, blocks);
  if (mistake !== undefined) return mistake;
  if (blocks.some(([block]) => /^-----BEGIN ENCRYPTED|^Proc-Type: 4,ENCRYPTED/m.test(block))) {
    return { problem: 'is encrypted', fix: 'decrypt the file: openssl pkey -in key.pem -out decrypted-key.pem' };
  }
  try {
    const key = createPrivateKey(text);
    if (certificate === undefined || new X509Certificate(certificate).checkPrivateKey(key)) return undefined;
    return { problem: 'does not belong to the first certificate in cert', fix: 'write the key of this certificate' };
  } catch {
    return { problem: 'is not a private key', fix: `write the key of the certificate, ${readLine(name)}` };
  }
}

/** Finds the mistakes that happen on the way from a file to an option, for example through an environment variable. */
function findFormMistake(name: string, text: string, blocks: readonly RegExpMatchArray[]): Problem | undefined {
  const begun = [...text.matchAll(BEGIN)].length;
  if (begun === 0) return { problem: 'is not PEM text', fix: `write ${readLine(name)}` };
  if (blocks.some(([block]) => block.includes(String.raw`\n`))) {
    const problem = String.raw`contains the two characters \n in place of line breaks`;
    return { problem, fix: String.raw`write ${name}: text.replaceAll('\\n', '\n')` };
  }
  const indented = text.split('\n').findIndex((line) => /^[ \t]+-----(?:BEGIN|END) [A-Z0-9 ]+-----/.test(line));
  if (indented !== -1) {
    const fix = String.raw`remove the white space at the start of each line: text.replaceAll(/^\s+/gm, '')`;
    return { problem: `is indented at line ${indented + 1}`, fix };
  }
  if (blocks.some(([block]) => !/^-----[^-]+-----\s*\n/.test(block))) {
    return { problem: 'has no line breaks', fix: `keep the line breaks of the file, ${readLine(name)}` };
  }
  if (begun === blocks.length) return undefined;
  return { problem: 'is cut off: a line -----END …----- is missing', fix: 'copy the whole file again' };
}

function readLine(name: string): string {
  return `${name}: readFileSync('${name}.pem', 'utf8')`;
}
