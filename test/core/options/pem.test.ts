import { generateKeyPairSync } from 'node:crypto';
import { findKeyProblem, parseCertificates } from '../../../src/core/options/pem.js';
import { resolveOptions } from '../../../src/core/options/resolve-options.js';
import { CertificateAuthority } from '../../support/certificate.js';
import { findLeaks } from '../../support/leak.js';
import { catchThrown } from '../../support/thrown.js';

const authority = new CertificateAuthority();
const cert = authority.cert.trim();
const { cert: leaf, key } = authority.issue();
const body = cert.split('\n')[2] ?? '';
const keyBody = key.split('\n')[2] ?? '';

it.each<[title: string, text: string, count: number]>([
  ['one certificate', cert, 1],
  ['several certificates', `${cert}\n${leaf}`, 2],
  ['a byte order mark', `\uFEFF${cert}`, 1],
  ['line breaks of Windows', cert.replaceAll('\n', '\r\n'), 1],
  [
    'the text of openssl around it',
    `Certificate:\n    Data:\n        Version: 3\n${cert}\nBag Attributes\n    x: 1`,
    1,
  ],
  ['spaces at the end of lines', cert.replaceAll('\n', '  \n'), 1],
  ['other texts around it', `C:\\new\\ca\n-----BEGIN here\n${cert}`, 1],
  ['the former label', cert.replaceAll('CERTIFICATE', 'X509 CERTIFICATE'), 1],
  ['quotation marks', `"${cert}"`, 1],
])('reads %s', (_title, text, count) => {
  expect(parseCertificates('ca', text)).toEqual({
    certificates: Array.from({ length: count }, () =>
      expect.stringMatching(/^-----BEGIN CERTIFICATE-----\n[^]*-----\n$/),
    ),
  });
});

it.each<[title: string, text: string, problem: string, fix: string]>([
  ['the path of a file', '/etc/ca.pem', 'is not PEM text', "write ca: readFileSync('ca.pem', 'utf8')"],
  ['written line breaks', cert.replaceAll('\n', String.raw`\n`), String.raw`\n in place`, "replaceAll('\\\\n', '\\n')"],
  ['indentation', cert.replaceAll('\n', '\n  '), 'indented at line', 'text.replaceAll(/^\\s+/gm'],
  ['tabs', `\n\t${cert}`, 'is indented at line 2', 'text.replaceAll(/^\\s+/gm'],
  ['spaces for line breaks', cert.replaceAll('\n', ' '), 'has no line breaks', 'readFileSync'],
  ['a cut text', cert.slice(0, 300), 'is cut off', 'copy the whole file again'],
  ['a second text that is cut', `${cert}\n${leaf.slice(0, 99)}`, 'is cut off', 'copy the whole file again'],
  ['a text without its first line', cert.split('\n').slice(1).join('\n'), 'is not PEM text', 'readFileSync'],
  ['a private key', `${cert}\n${key}`, 'contains a RSA PRIVATE KEY', 'write only certificates'],
  ['a lost line', `${leaf}\n${cert.replace(`${body}\n`, '')}`, 'number 2 of 2', 'openssl x509'],
])('names the fault of %s', (_title, text, problem, fix) => {
  const found = parseCertificates('ca', text);
  expect(found).toEqual({ problem: expect.stringContaining(problem), fix: expect.stringContaining(fix) });
  expect(findLeaks(found, [body, keyBody])).toEqual([]);
});

const other = generateKeyPairSync('ec', {
  namedCurve: 'P-256',
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
const encrypted = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
});
it.each([key, `Not ENCRYPTED\n${key}`, `${leaf}\n${key}`])('accepts the key of the certificate, %#', (text) => {
  expect(findKeyProblem('key', text, leaf)).toBeUndefined();
});

it.each<[title: string, text: string, problem: string]>([
  ['refuses another key', other.privateKey, 'does not belong'],
  ['refuses an encrypted key', encrypted.privateKey, 'is encrypted'],
  ['refuses a public key', other.publicKey, 'is not a private key'],
  ['refuses the certificate', leaf, 'is not a private key'],
  ['refuses a path', 'key.pem', 'is not PEM text'],
  ['refuses a cut key', key.slice(0, 500), 'is cut off'],
  ['refuses an indented key', `  ${key}`, 'is indented at line 1'],
])('%s', (_title, text, problem) => {
  const found = findKeyProblem('key', text, leaf);
  expect(found?.problem).toContain(problem);
  expect(findLeaks(found, [keyBody, text.split('\n')[2] || keyBody])).toEqual([]);
});

it.each([
  [{ cert: leaf }, 'cert', 'is set without key'],
  [{ key }, 'key', 'is set without cert'],
  [{ cert: leaf, key: other.privateKey }, 'key', 'does not belong to the first certificate in cert'],
  [{ cert: 'x', key }, 'cert', 'is not PEM text'],
  [{ cert: leaf, key: Buffer.from(key) }, 'key', 'is not PEM text'],
  [{ keepAlive: 0 }, 'keepAlive', 'is 0'],
])('the options of the connection %# are refused with one mistake', (options, option, problem) => {
  const right = { appId: 'app', appSecret: 'a-secret', appHost: 'https://tenant.example' };
  const error = catchThrown(() => resolveOptions({ ...right, ...(options as object) }));
  expect(error).toMatchObject({ details: { mistakes: [{ option, problem }] } });
  expect(findLeaks(error, [keyBody])).toEqual([]);
});
