import { execFile, spawn, spawnSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Attribute, Change, Client } from 'ldapts';
import { CertificateAuthority } from '../../support/certificate.js';

/** Samba, the tool that creates a domain, the modules of its directory, and the module that stores access rights. */
const PACKAGES = ['samba', 'samba-ad-provision', 'samba-dsdb-modules', 'samba-vfs-modules'];

const BASE_DN = 'DC=example,DC=test';
const toDn = (user: string): string => `CN=${user},CN=Users,${BASE_DN}`;
/** The account that searches for users. */
const SEARCHER = 'svc-genauth';
/** The domain locks an account for a minute after this number of failures. */
export const LOCK_AFTER = 3;
/** Time limit for creating a domain, and for its start. Both take seconds. */
const PATIENCE_MS = 60_000;

type Values = Readonly<Record<string, string | Buffer>>;
const toAttribute = ([type, value]: [string, string | Buffer]): Attribute =>
  new Attribute({ type, values: [value] as string[] | Buffer[] });

/** The form of a password in a directory: in quotes, UTF-16. */
const encodePassword = (password: string): Buffer => Buffer.from(`"${password}"`, 'utf16le');
/** A password that fulfils the rules of the domain. */
export const makePassword = (): string => `Pw-1${randomBytes(9).toString('base64url')}`;

/** Returns the reason why no domain controller can run here, or `undefined` if one can. */
export function findObstacle(): string | undefined {
  // The output is empty on systems without dpkg.
  const { stdout } = spawnSync('dpkg-query', ['-W', '-f', '${db:Status-Abbrev}${Package}\\n', ...PACKAGES]);
  const installed = new Set(String(stdout).match(/(?<=^ii ).+$/gm));
  const missing = PACKAGES.filter((name) => !installed.has(name));
  if (missing.length > 0) return `the Debian packages ${missing.join(', ')} are not installed`;
  return process.getuid?.() === 0 ? undefined : 'only root may listen on the ports of LDAP';
}

/**
 * A new Active Directory domain: Samba with LDAP and LDAPS only. It has its own loopback address, because its ports
 * cannot be chosen, and its own certificate authority.
 */
export class DomainController {
  readonly #address = `127.${randomInt(64, 128)}.${randomInt(256)}.${randomInt(1, 255)}`;
  readonly #authority = new CertificateAuthority();
  readonly #folder = mkdtempSync(join(tmpdir(), 'genauth-ad-'));
  readonly #adminPassword = makePassword();
  readonly url = `ldaps://${this.#address}`;
  /** The authority's certificate, PEM. */
  readonly ca = this.#authority.cert;
  readonly baseDn = BASE_DN;
  readonly bindDn = toDn(SEARCHER);
  readonly bindPassword = makePassword();
  readonly #administrator = new Client({ url: this.url, tlsOptions: { ca: this.ca } });
  #pause: (() => Promise<void>) | undefined;

  /** Creates the domain, starts it, and adds the account that searches for users. */
  async start(): Promise<void> {
    await this.#provision();
    await this.resume();
    // Durations are negative, in units of 100 ns.
    const minute = '-600000000';
    const lockout = { lockoutThreshold: String(LOCK_AFTER), lockoutDuration: minute, lockOutObservationWindow: minute };
    await this.#change(BASE_DN, lockout);
    await this.addUser(SEARCHER, this.bindPassword);
  }

  /** @param attributes - More attributes of the account, in the directory's format. */
  async addUser(name: string, password: string, attributes: Values = {}): Promise<void> {
    // 512 is NORMAL_ACCOUNT.
    const account = { objectClass: 'user', sAMAccountName: name, userAccountControl: '512', ...attributes };
    const all = { ...account, unicodePwd: encodePassword(password) };
    await this.#administrator.add(toDn(name), Object.entries(all).map(toAttribute));
  }

  changeUser(name: string, attributes: Values): Promise<void> {
    return this.#change(toDn(name), attributes);
  }

  /** Reads one attribute of an account. */
  async readUser(name: string, attribute: string): Promise<unknown> {
    const { searchEntries } = await this.#administrator.search(toDn(name), { scope: 'base', attributes: [attribute] });
    return searchEntries[0]?.[attribute];
  }

  /** Starts the domain again after {@link pause}. */
  async resume(): Promise<void> {
    const run = join(this.#folder, 'domain/run');
    const options = {
      'pid directory': run,
      'ncalrpc dir': `${run}/ncalrpc`,
      'winbindd socket directory': `${run}/winbindd`,
      'ntp signd socket directory': `${run}/ntp`,
      // By default an old password stays valid for an hour.
      'old password allowed period': '0',
    };
    const command = ['--interactive', '--model=single', `--configfile=${this.#folder}/domain/etc/smb.conf`];
    // Samba ends when its input is closed, also if the test run is killed.
    const samba = spawn('samba', [...command, ...toFlags(options)], { stdio: ['pipe', 'ignore', 'ignore'] });
    const ended = once(samba, 'exit');
    this.#pause = async () => {
      samba.stdin.end();
      await ended;
    };
    const latest = Date.now() + PATIENCE_MS;
    // Samba does not print when it listens.
    for (;;) {
      try {
        return await this.#administrator.bind('administrator@example.test', this.#adminPassword);
      } catch (error) {
        const isStarting = (error as { code?: unknown }).code === 'ECONNREFUSED' && samba.exitCode === null;
        if (!isStarting || Date.now() > latest) throw error;
        await delay(20);
      }
    }
  }

  /** Stops the server. The domain keeps its data. */
  async pause(): Promise<void> {
    await this.#administrator.unbind();
    await this.#pause?.();
  }

  async stop(): Promise<void> {
    await this.pause();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #change(dn: string, attributes: Values): Promise<void> {
    const modifications = Object.entries(attributes).map(toAttribute);
    const changes = modifications.map((modification) => new Change({ operation: 'replace', modification }));
    await this.#administrator.modify(dn, changes);
  }

  async #provision(): Promise<void> {
    const { cert, key } = this.#authority.issue({ hosts: [this.#address] });
    const path = (name: string): string => join(this.#folder, name);
    mkdirSync(path('domain/run'), { recursive: true });
    // Samba refuses a key that other users can read.
    for (const [name, text] of Object.entries({ ca: this.ca, cert, key })) {
      writeFileSync(path(`${name}.pem`), text, { mode: 0o600 });
    }
    const options = {
      interfaces: `${this.#address}/8`,
      'bind interfaces only': 'yes',
      'server services': 'ldap',
      'tls keyfile': path('key.pem'),
      'tls certfile': path('cert.pem'),
      'tls cafile': path('ca.pem'),
      'log file': path('log'),
      // Access rights are stored in a file, because root in a container may not write them to the file system.
      'vfs objects': 'dfs_samba4 acl_xattr xattr_tdb',
      // These commands would contact other servers.
      'dns update command': '/bin/true',
      'spn update command': '/bin/true',
      'samba kcc command': '/bin/true',
    };
    const domain = ['--realm=EXAMPLE.TEST', '--domain=EXAMPLE', '--server-role=dc', '--dns-backend=NONE'];
    const host = ['--host-name=dc1', `--host-ip=${this.#address}`, `--targetdir=${path('domain')}`];
    const command = ['domain', 'provision', '--quiet', ...domain, ...host, `--adminpass=${this.#adminPassword}`];
    const run = promisify(execFile)('samba-tool', [...command, ...toFlags(options)], { timeout: PATIENCE_MS });
    await run.catch(({ stderr }: { stderr: string }) => {
      // The message of the error would contain the command with the password.
      throw new Error(`samba-tool domain provision failed:\n${stderr}`);
    });
  }
}

const toFlags = (options: Readonly<Record<string, string>>): string[] =>
  Object.entries(options).map(([name, value]) => `--option=${name}=${value}`);
