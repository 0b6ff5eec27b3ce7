import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { resolveOptions } from '../../src/core/options/resolve-options.js';
import type { GenAuthOptions } from '../../src/core/options/types.js';
import { Context, type ContextSettings } from '../../src/doctor/context.js';
import { VARIABLES } from '../../src/core/options/environment.js';
import type { Observation } from '../../src/doctor/report.js';
import { GenAuthEmulator, type GenAuthEmulatorOptions } from '../../src/emulator/index.js';
import { APP_SECRET, PASSWORD, SECRETS, findCanaries } from '../support/canary.js';
import { hostProcess } from '../support/host-process.js';
import { APP_ID } from '../support/issuer.js';
import { ROOT } from '../support/process.js';
import { catchThrown } from '../support/thrown.js';

// Jest gives each test file a copy of `process`, in which this getter returns undefined.
Object.defineProperty(process.features, 'require_module', { value: hostProcess.features.require_module });

/** Long enough for HS256. */
export const SECRET = `${APP_SECRET}-0123456789abcdef`;
const AD_PASSWORD = 'c4nary-AD"Pä55<wörd&';
export const PASSWORDS = [PASSWORD, AD_PASSWORD];
export const ALICE = { account: 'alice', password: PASSWORD };
export const ZHANGSAN = { sAMAccountName: 'zhangsan', password: AD_PASSWORD };

/** Emulators with these users: one per set of options, reset after each test. */
export function useEmulators(): (options?: GenAuthEmulatorOptions) => Promise<GenAuthEmulator> {
  const emulators = new Map<string, GenAuthEmulator>();
  afterEach(() => emulators.forEach((emulator) => emulator.reset()));
  afterAll(() => Promise.all([...emulators.values()].map((emulator) => emulator.stop())));
  const users = [{ username: 'alice', email: 'alice@example.com', phone_number: '+8613800000001', password: PASSWORD }];
  return async (options = {}) => {
    const key = JSON.stringify(options);
    const given = { appSecret: SECRET, users, adAccounts: [ZHANGSAN], ...options };
    const emulator = emulators.get(key) ?? (await new GenAuthEmulator(given).start());
    emulators.set(key, emulator);
    return emulator;
  };
}

/** The variables of an application without mistakes. */
export function environmentOf({ url, appId, appSecret }: GenAuthEmulator): Record<string, string> {
  return { GENAUTH_APP_HOST: url, GENAUTH_APP_ID: appId, GENAUTH_APP_SECRET: appSecret };
}

/** Creates contexts for single checks. They are closed after the test. */
export function useContexts(): (changes?: Partial<GenAuthOptions>, settings?: Partial<ContextSettings>) => Context {
  const contexts: Context[] = [];
  afterEach(() => {
    for (const context of contexts.splice(0)) context.close();
  });
  return (changes, settings) => {
    const given = { appId: APP_ID, appSecret: SECRET, appHost: 'https://tenant.invalid', ...changes };
    const rest = { env: {}, signIns: [], clientIp: undefined, signal: undefined, now: Date.now };
    const options = resolveOptions(given);
    contexts.push(new Context({ given, options, source: 'environment', ...rest, ...settings }));
    return contexts.at(-1) as Context;
  };
}

/**
 * Expects findings without secrets, with the levels of docs/doctor.md.
 *
 * @param outline Code and end of the console page of each finding: `login_wrong @ user management`. Other levels than
 *   warning and error stand before the code: `ok signed_in`.
 * @param part A part of the messages and fixes. `HOST` stands for the address of a server.
 */
export function expectFindings(found: readonly Observation[], outline: string | readonly string[], part = ''): void {
  expectDecent(found);
  const shown = found.map((each) => {
    if (!('impact' in each)) return `${each.level} ${each.code}`;
    return each.code + (each.consolePage?.replace(/^(.* → )?/, ' @ ') ?? '');
  });
  expect(shown).toEqual([outline].flat());
  const texts = found.map((each) => `${each.message} ${'fix' in each ? each.fix : ''}`);
  expect(texts.join('\n').replaceAll(/127\.0\.0\.1:\d+/g, 'HOST')).toContain(part);
}

/** The table of docs/doctor.md: code → level. */
const ROWS = readFileSync(join(ROOT, 'docs/doctor.md'), 'utf8').matchAll(/^\| `([a-z_]+)` +\| (error|warning) +\|/gm);
export const FINDINGS = new Map([...ROWS].map(([, code = '', level = '']) => [code, level]));

const findProblems = <Found extends Observation>(findings: readonly Found[]): Found[] =>
  findings.filter((finding) => 'impact' in finding);

const PROPOSAL = /(?:(GENAUTH_(?!CA)\w+)=|the option (\w+): ')([^<',]+?)(?=[',]|\.? ?$|\. )/g;

/**
 * Expects that the options accept each value that a fix offers. Left out are values with a placeholder `<…>`, and the
 * path of a PEM file.
 */
function expectAcceptedProposals(fixes: readonly string[]): void {
  const names = Object.entries(VARIABLES).map(([option, variable]) => [variable, option] as const);
  const given = { appId: APP_ID, appSecret: SECRET, appHost: 'https://tenant.invalid' };
  const refused = fixes.filter((fix) =>
    [...fix.matchAll(PROPOSAL)].some(
      ([, variable = '', option = new Map<string, string>(names).get(variable), value]) => {
        const appSecret = fix.includes('remove the app secret') ? undefined : SECRET;
        return catchThrown(() => resolveOptions({ ...given, appSecret, [String(option)]: value })) instanceof Error;
      },
    ),
  );
  expect(refused).toEqual([]);
}

/** Expects that each problem is documented and has an impact and a fix, and that there is no secret in any text. */
export function expectDecent(findings: readonly Observation[], ...printed: readonly string[]): void {
  const problems = findProblems(findings);
  const text: unknown = expect.stringMatching(/^\S.{5,}\S$/);
  const texts = { message: text, impact: text, fix: text };
  expect(problems).toMatchObject(problems.map(({ code }) => ({ code, level: FINDINGS.get(code), ...texts })));
  expectAcceptedProposals(problems.map((finding) => ('fix' in finding ? finding.fix : '')));
  const all = [JSON.stringify(findings), ...printed];
  expect(findCanaries(all, { ...SECRETS, appSecret: SECRET, adPassword: AD_PASSWORD })).toEqual([]);
  // Each JWT begins so.
  expect(all.join()).not.toMatch(/eyJ[\w-]{8}/);
}

/** `check: level code` of each warning and error. */
export function listProblems(findings: readonly (Observation & { check: string })[]): string[] {
  return findProblems(findings).map(({ check, level, code }) => `${check}: ${level} ${code}`);
}
