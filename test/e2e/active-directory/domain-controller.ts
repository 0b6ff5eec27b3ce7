import { type ChildProcess, execFile, spawn, spawnSync } from 'node:child_process';
import { randomBytes, randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Attribute, Change, Client } from 'ldapts';
import { CertificateAuthority } from '../../support/certificate.js';

const run = promisify(execFile);

/** Samba, the tool that creates a domain, the modules of its directory, and the module that stores access rights. */
const PACKAGES = ['samba', 'samba-ad-provision', 'samba-dsdb-modules', 'samba-vfs-modules'];

const BASE_DN = 'DC=example,DC=test';
const USERS_DN = `CN=Users,${BASE_DN}`;

/** The account that searches for users. */
const SEARCHER = 'svc-genauth';

/** The domain locks an account for a minute after this number of failures. */
export const LOCK_AFTER = 3;

/** Time limit for creating a domain, and for its start. Both take seconds. */
const PATIENCE_MS = 60_000;

type Values = Readonly<Record<string, string | Buffer>>;

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
  /** `ldaps://127.…` */
  readonly url: string;
  /** The authority's certificate, PEM. */
  readonly ca: string;
  readonly baseDn = BASE_DN;
  readonly bindDn = `CN=${SEARCHER},${USERS_DN}`;
  /** It fulfils the domain's rules for passwords. */
  readonly bindPassword = makePassword();
  readonly #administrator: Client;
  readonly #adminPassword = makePassword();
  readonly #folder = mkdtempSync(join(tmpdir(), 'genauth-ad-'));
  readonly #address = `127.${randomInt(64, 128)}.${randomInt(256)}.${randomInt(1, 255)}`;
  #samba: ChildProcess | undefined;

  private constructor() {
    const authority = new CertificateAuthority();
    this.ca = authority.cert;
    this.url = `ldaps://${this.#address}`;
    this.#administrator = new Client({ url: this.url, tlsOptions: { ca: this.ca } });
    const { cert, key } = authority.issue({ hosts: [this.#address] });
    writeFileSync(this.#path('ca.pem'), authority.cert);
    writeFileSync(this.#path('cert.pem'), cert);
    // Samba refuses a key that other users can read.
    writeFileSync(this.#path('key.pem'), key, { mode: 0o600 });
    mkdirSync(this.#path('domain/run'), { recursive: true });
  }

  /** Creates the domain, starts it, and adds the account that searches for users. */
  static async start(): Promise<DomainController> {
    const controller = new DomainController();
    try {
      await controller.#provision();
      await controller.resume();
      await controller.#change(BASE_DN, {
        lockoutThreshold: String(LOCK_AFTER),
        // Durations are negative, in units of 100 ns.
        lockoutDuration: '-600000000',
        lockOutObservationWindow: '-600000000',
      });
      await controller.addUser(SEARCHER, controller.bindPassword);
      return controller;
    } catch (error) {
      await controller.stop();
      throw error;
    }
  }

  /** @param attributes - More attributes of the account, in the directory's format. */
  async addUser(name: string, password: string, attributes: Values = {}): Promise<void> {
    const all: Values = {
      objectClass: 'user',
      sAMAccountName: name,
      unicodePwd: encodePassword(password),
      // NORMAL_ACCOUNT
      userAccountControl: '512',
      ...attributes,
    };
    await this.#administrator.add(`CN=${name},${USERS_DN}`, Object.entries(all).map(toAttribute));
  }

  async changeUser(name: string, attributes: Values): Promise<void> {
    await this.#change(`CN=${name},${USERS_DN}`, attributes);
  }

  async setPassword(name: string, password: string): Promise<void> {
    await this.changeUser(name, { unicodePwd: encodePassword(password) });
  }

  /** Reads one attribute of an account. */
  async readUser(name: string, attribute: string): Promise<unknown> {
    const { searchEntries } = await this.#administrator.search(`CN=${name},${USERS_DN}`, {
      scope: 'base',
      attributes: [attribute],
    });
    return searchEntries[0]?.[attribute];
  }

  /** Starts the domain again after {@link pause}. */
  async resume(): Promise<void> {
    const folder = this.#path('domain');
    // Samba ends when its input is closed, also if the test run is killed.
    const samba = spawn(
      'samba',
      [
        '--interactive',
        '--model=single',
        `--configfile=${folder}/etc/smb.conf`,
        `--option=pid directory=${folder}/run`,
        `--option=ncalrpc dir=${folder}/run/ncalrpc`,
        `--option=winbindd socket directory=${folder}/run/winbindd`,
        `--option=ntp signd socket directory=${folder}/run/ntp`,
        // By default an old password stays valid for an hour.
        '--option=old password allowed period=0',
      ],
      { stdio: ['pipe', 'ignore', 'ignore'] },
    );
    this.#samba = samba;
    const latest = Date.now() + PATIENCE_MS;
    // Samba does not print when it listens.
    for (;;) {
      try {
        return await this.#administrator.bind('administrator@example.test', this.#adminPassword);
      } catch (error) {
        if ((error as { code?: unknown }).code !== 'ECONNREFUSED' || hasEnded(samba) || Date.now() > latest) {
          throw error;
        }
        await delay(20);
      }
    }
  }

  /** Stops the server. The domain keeps its data. */
  async pause(): Promise<void> {
    await this.#administrator.unbind();
    const samba = this.#samba;
    this.#samba = undefined;
    if (samba === undefined || hasEnded(samba)) return;
    const ended = once(samba, 'exit');
    samba.stdin?.end();
    await ended;
  }

  async stop(): Promise<void> {
    await this.pause();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #provision(): Promise<void> {
    const options = {
      interfaces: `${this.#address}/8`,
      'bind interfaces only': 'yes',
      'server services': 'ldap',
      'tls keyfile': this.#path('key.pem'),
      'tls certfile': this.#path('cert.pem'),
      'tls cafile': this.#path('ca.pem'),
      'log file': this.#path('log'),
      // Access rights are stored in a file, because root in a container may not write them to the file system.
      'vfs objects': 'dfs_samba4 acl_xattr xattr_tdb',
      // These commands would contact other servers.
      'dns update command': '/bin/true',
      'spn update command': '/bin/true',
      'samba kcc command': '/bin/true',
    };
    const command = [
      'domain',
      'provision',
      '--quiet',
      `--targetdir=${this.#path('domain')}`,
      '--realm=EXAMPLE.TEST',
      '--domain=EXAMPLE',
      '--server-role=dc',
      '--dns-backend=NONE',
      '--host-name=dc1',
      `--host-ip=${this.#address}`,
      `--adminpass=${this.#adminPassword}`,
      ...Object.entries(options).map(([name, value]) => `--option=${name}=${value}`),
    ];
    await run('samba-tool', command, { timeout: PATIENCE_MS }).catch(({ stderr }: { stderr: string }) => {
      // The message of the error would contain the command with the password.
      throw new Error(`samba-tool domain provision failed:\n${stderr}`);
    });
  }

  async #change(dn: string, attributes: Values): Promise<void> {
    const changes = Object.entries(attributes).map(
      (attribute) => new Change({ operation: 'replace', modification: toAttribute(attribute) }),
    );
    await this.#administrator.modify(dn, changes);
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }
}

function hasEnded({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null;
}

function toAttribute([type, value]: [string, string | Buffer]): Attribute {
  return new Attribute({ type, values: [value] as string[] | Buffer[] });
}

/** The form in which a directory takes a password: in quotes, UTF-16. */
function encodePassword(password: string): Buffer {
  return Buffer.from(`"${password}"`, 'utf16le');
}

/** One that the domain's rules for passwords take. */
export function makePassword(): string {
  return `Pw-1${randomBytes(9).toString('base64url')}`;
}
