import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { at, readFilled, readInteger, readObject, readSecret, readString } from '../input/readers.js';
import { EmulatorError, invalid, invalidSecret } from '../errors.js';

/** A real Active Directory: where it is, and who may search it. */
export interface EmulatorActiveDirectory {
  /** `ldaps://HOST`, with `:PORT` where it is not 636. Only with TLS: passwords go there. */
  url: string;
  /** The certificate of the authority that issued the directory's, PEM. Default: those that Node knows. */
  ca?: string | undefined;
  /** The account that searches, as a simple bind takes it: its distinguished name, or `name@domain`. It needs to read users and nothing else. */
  bindDn: string;
  /** That account's password. */
  bindPassword: string;
  /** Where users are: there, or anywhere below. `DC=example,DC=com` is a whole domain. */
  baseDn: string;
  /** Milliseconds that one sign-in may spend at the directory. Default 5000. */
  timeout?: number | undefined;
}

/** Checked. */
export interface ActiveDirectoryConfig {
  readonly url: string;
  /** Without port, and without the brackets of IPv6. */
  readonly host: string;
  readonly ca: string | undefined;
  readonly bindDn: string;
  readonly bindPassword: string;
  readonly baseDn: string;
  readonly timeout: number;
}

const MEMBERS = [
  'url',
  'ca',
  'bindDn',
  'bindPassword',
  'baseDn',
  'timeout',
] as const satisfies readonly (keyof EmulatorActiveDirectory)[];

/** Variable of the environment → member of the option. */
const VARIABLES = {
  EMULATOR_AD_URL: 'url',
  EMULATOR_AD_CA: 'ca',
  EMULATOR_AD_BIND_DN: 'bindDn',
  EMULATOR_AD_BIND_PASSWORD: 'bindPassword',
  EMULATOR_AD_BASE_DN: 'baseDn',
} as const satisfies Record<string, keyof EmulatorActiveDirectory>;

const LONGEST_TIMEOUT = 60_000;

/** @throws EmulatorError `invalid_input` */
export function readActiveDirectory(value: unknown, path: string): ActiveDirectoryConfig {
  const given = readObject(value, path, MEMBERS);
  const { url, host } = readUrl(given.get('url'), at(path, 'url'));
  return {
    url,
    host,
    ca: given.has('ca') ? readCertificate(given.get('ca'), at(path, 'ca')) : undefined,
    bindDn: readFilled(given.get('bindDn'), at(path, 'bindDn')),
    // With an empty one a directory binds nobody, and says that all is well (RFC 4513 §5.1.2).
    bindPassword: readSecret(given.get('bindPassword'), at(path, 'bindPassword')),
    baseDn: readFilled(given.get('baseDn'), at(path, 'baseDn')),
    timeout: readInteger(given.get('timeout') ?? 5000, at(path, 'timeout'), 1, LONGEST_TIMEOUT),
  };
}

/**
 * The option `ad` as the environment tells it: `EMULATOR_AD_URL`, `EMULATOR_AD_CA` (the path of a PEM file),
 * `EMULATOR_AD_BIND_DN`, `EMULATOR_AD_BIND_PASSWORD` and `EMULATOR_AD_BASE_DN`. The command line and the sample read it: a
 * password among the arguments of a program would be there for everybody on the machine to see.
 *
 * @returns `undefined` where none of them is set
 * @throws EmulatorError `invalid_input`: the variables that are missing, or a file that cannot be read
 */
export async function readActiveDirectoryEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Promise<EmulatorActiveDirectory | undefined> {
  const names = Object.keys(VARIABLES) as (keyof typeof VARIABLES)[];
  // An empty one is as good as none: docker compose hands those over.
  const set = names.filter((name) => (env[name] ?? '') !== '');
  if (set.length === 0) return undefined;
  const missing = names.filter((name) => name !== 'EMULATOR_AD_CA' && !set.includes(name));
  if (missing.length > 0) {
    const rule = 'a directory needs every EMULATOR_AD_ variable but EMULATOR_AD_CA';
    throw new EmulatorError('invalid_input', `${set.join(', ')} without ${missing.join(', ')}: ${rule}.`);
  }
  const ad = Object.fromEntries(set.map((name) => [VARIABLES[name], env[name]])) as unknown as EmulatorActiveDirectory;
  return ad.ca === undefined ? ad : { ...ad, ca: await readCertificateFile(ad.ca) };
}

async function readCertificateFile(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new EmulatorError('invalid_input', `EMULATOR_AD_CA: cannot read ${path} (${error.code}).`, { cause: error });
  });
}

/** Nothing but a host and a port: what else may stand in an LDAP URL (RFC 4516 §2) would be ignored. */
function readUrl(value: unknown, path: string): { url: string; host: string } {
  const expected = "'ldaps://HOST' or 'ldaps://HOST:PORT' (only with TLS: passwords go there)";
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || url.hostname === '') throw invalid(path, expected, value);
  const { host, pathname, href } = url;
  // A URL with credentials is not shown.
  if (url.username !== '' || url.password !== '') throw invalidSecret(path, `${expected}, without credentials`, value);
  if (href !== `ldaps://${host}${pathname}` || !['', '/'].includes(pathname)) throw invalid(path, expected, value);
  return { url: `ldaps://${host}`, host: url.hostname.replace(/^\[|\]$/g, '') };
}

function readCertificate(value: unknown, path: string): string {
  const text = readString(value, path);
  try {
    // Of several the first: for a key, or a path, that is enough.
    new X509Certificate(text);
    return text;
  } catch {
    // Not shown: it may be a file of quite another kind.
    throw invalidSecret(path, 'a certificate as PEM text, -----BEGIN CERTIFICATE-----', value);
  }
}
