import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { WriteStream } from 'node:tty';
import type { DoctorReport } from '../../src/doctor/report.js';
import { formatReport } from '../../src/cli/doctor-text.js';
import { run } from '../../src/cli/run.js';
import { GenAuthEmulator, type GenAuthEmulatorOptions } from '../../src/emulator/index.js';
import { hostProcess } from '../support/host-process.js';
import { ROOT } from '../support/process.js';
import { APP_SECRET, PASSWORD, SECRETS, type Secrets, findCanaries } from '../support/canary.js';

// Jest gives a test a copy of `process`, in which this getter returns nothing.
Object.defineProperty(process.features, 'require_module', { value: hostProcess.features.require_module });

/** Long enough for HS256. */
export const SECRET = `${APP_SECRET}-0123456789abcdef`;
export const AD_PASSWORD = 'c4nary-AD"Pä55<wörd&';
const CANARIES: Secrets = { ...SECRETS, appSecret: SECRET, adPassword: AD_PASSWORD };

export const PEOPLE: GenAuthEmulatorOptions = {
  appSecret: SECRET,
  users: [{ username: 'alice', email: 'alice@example.com', phone_number: '+8613800000001', password: PASSWORD }],
  adAccounts: [{ sAMAccountName: 'zhangsan', password: AD_PASSWORD }],
};

/** Emulators with the canaries for secret and passwords: one for each set of options, put back after each test. */
export function useEmulators(): (options?: GenAuthEmulatorOptions) => Promise<GenAuthEmulator> {
  const emulators = new Map<string, Promise<GenAuthEmulator>>();
  afterEach(async () => {
    for (const emulator of emulators.values()) (await emulator).reset();
  });
  afterAll(async () => {
    for (const emulator of emulators.values()) await (await emulator).stop();
  });
  return (options = {}) => {
    const key = JSON.stringify(options);
    const emulator = emulators.get(key) ?? new GenAuthEmulator({ ...PEOPLE, ...options }).start();
    emulators.set(key, emulator);
    return emulator;
  };
}

/** The environment of an application that has everything right. */
export function environmentOf({ url, appId, appSecret }: GenAuthEmulator): Record<string, string> {
  return { GENAUTH_APP_HOST: url, GENAUTH_APP_ID: appId, GENAUTH_APP_SECRET: appSecret };
}

/** `check: level code` of everything that is not all right. */
export function listProblems({ findings }: DoctorReport): string[] {
  return findings
    .filter(({ level }) => level === 'warning' || level === 'error')
    .map(({ check, level, code }) => `${check}: ${level} ${code}`);
}

/** The table of the page: what there is to be found → its level. */
export const FINDINGS: ReadonlyMap<string, string> = new Map(
  [...readFileSync(join(ROOT, 'docs/doctor.md'), 'utf8').matchAll(/^\| `([a-z_]+)` +\| (error|warning) +\|/gm)].map(
    ([, code = '', level = '']) => [code, level],
  ),
);

/** What every report must be: each problem on the page, with impact and fix, and no secret in any form of it. */
export function expectDecent(report: DoctorReport, ...said: readonly string[]): void {
  for (const finding of report.findings) {
    if (finding.level !== 'warning' && finding.level !== 'error') continue;
    expect([finding.code, finding.level]).toEqual([finding.code, FINDINGS.get(finding.code)]);
    for (const text of [finding.message, finding.impact, finding.fix]) expect(text).toMatch(/^\S.{5,}\S$/);
  }
  const everything = [report, formatReport(report, colorTerminal()), formatReport(report), ...said];
  expect(findCanaries(everything, CANARIES)).toEqual([]);
  // Where a JWT begins.
  expect(JSON.stringify(everything)).not.toMatch(/eyJ[\w-]{8}/);
}

/** Standard output at a terminal with colours, as `env` has it: `NO_COLOR` turns them off. */
export function colorTerminal(env: Record<string, string> = {}): Writable {
  const getColorDepth = (): number => WriteStream.prototype.getColorDepth({ TERM: 'xterm', ...env });
  return Object.assign(new Writable(), { isTTY: true, getColorDepth });
}

export interface Visit {
  code: number;
  report: DoctorReport;
  problems: string[];
  stdout: string;
  stderr: string;
}

/** Runs the command with `--json`, and looks over all that it says. Passwords come by standard input. */
export async function visit(
  env: Record<string, string>,
  args: readonly string[] = [],
  passwords: readonly string[] = [],
): Promise<Visit> {
  const written = await runDoctorCommand(
    ['--json', ...args, ...(passwords.length > 0 ? ['--password-stdin'] : [])],
    env,
    {
      stdin: () => Readable.from([passwords.join('\n')]),
    },
  );
  const report = JSON.parse(written.stdout) as DoctorReport;
  expectDecent(report, written.stdout, written.stderr);
  return { ...written, report, problems: listProblems(report) };
}

/** Runs the command to its end. */
export async function runDoctorCommand(
  args: readonly string[],
  env: Record<string, string> = {},
  io: Partial<Parameters<typeof run>[1]> = {},
): Promise<{ code: number; stdout: string; stderr: string; lines: string[] }> {
  const out: string[] = [];
  const err: string[] = [];
  const lines: string[] = [];
  const code = await run(['doctor', ...args], {
    stdout: (text) => void (out.push(text), lines.push(text)),
    stderr: (text) => void (err.push(text), lines.push(text)),
    env,
    stop: new AbortController().signal,
    ...io,
  });
  return { code, stdout: out.join('\n'), stderr: err.join('\n'), lines };
}

/** Everybody signs in. */
export const EVERYBODY = ['--account', 'alice', '--ad-account', 'zhangsan'];
export const PASSWORDS = [PASSWORD, AD_PASSWORD];
