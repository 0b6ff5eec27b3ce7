import { GenAuthError } from '../core/errors.js';
import { type Environment, genAuthOptionsFromEnvironment } from '../core/options/environment.js';
import type { GenAuthOptions } from '../core/options/types.js';
import type { Credentials } from '../core/sign-in/credentials.js';
import { readVersion } from '../core/util/manifest.js';
import { cleanText } from '../core/util/quote.js';
import { checkCallback } from './checks/callback.js';
import { checkClientIp } from './checks/client-ip.js';
import { checkClient } from './checks/client.js';
import { checkClock } from './checks/clock.js';
import { checkConfiguration } from './checks/configuration.js';
import { checkConnection } from './checks/connection.js';
import { checkDiscovery } from './checks/discovery.js';
import { checkEncryption } from './checks/encryption.js';
import { checkEnvironment } from './checks/environment.js';
import { checkKeys } from './checks/keys.js';
import { type Runtime, checkRuntime } from './checks/runtime.js';
import { checkScopes } from './checks/scopes.js';
import { checkDirectory, checkLogin } from './checks/sign-in.js';
import { checkTokens } from './checks/tokens.js';
import { Context } from './context.js';
import { CALLBACK_VARIABLE } from './environment.js';
import {
  type CheckName,
  type DoctorReport,
  type Finding,
  type Observation,
  error,
  findWorst,
  skipped,
} from './report.js';

/** The options of {@link runDoctor}. */
export interface DoctorOptions {
  /**
   * The options of the application's client. Default: the values of the environment variables `GENAUTH_APP_ID`,
   * `GENAUTH_APP_SECRET` and so on.
   */
  options?: GenAuthOptions | undefined;
  /** The environment variables. Default: `process.env`. */
  env?: Environment | undefined;
  /** The environment variables that were read from a file. `env` overrides them. Default: none. */
  envFile?: Environment | undefined;
  /**
   * The credentials for real sign-ins: at most one entry for a login by password, and at most one entry for Active
   * Directory. If there are more entries, only the first entry of each kind is used. The doctor revokes the tokens of
   * each sign-in. Default: no sign-in.
   */
  signIns?: readonly Credentials[] | undefined;
  /** The IP address that the doctor's sign-ins send as the client's address. Default: none. */
  clientIp?: string | undefined;
  /**
   * The callback URL of the sign-in on GenAuth's hosted page. The doctor checks whether it is registered. Default: the
   * value of the environment variable `GENAUTH_CALLBACK_URL`.
   */
  callbackUrl?: string | undefined;
  /** A signal that ends the run early. If it is aborted, the returned promise rejects. */
  signal?: AbortSignal | undefined;
}

/** The parts of the process that tests replace. */
export interface DoctorOverrides extends Partial<Runtime> {
  /** Returns the current time, in milliseconds since 1970. */
  now?: () => number;
}

interface Check {
  name: CheckName;
  /** The checks that must find no error. If one of them finds an error, this check is skipped. */
  needs: readonly CheckName[];
  run: (context: Context) => Promise<Observation[]>;
}

/**
 * The checks that send requests to GenAuth. The order is important, because a check can use the results of the checks
 * before it.
 */
const CHECKS: readonly Check[] = [
  { name: 'connection', needs: [], run: checkConnection },
  { name: 'clock', needs: ['connection'], run: checkClock },
  { name: 'discovery', needs: ['connection'], run: checkDiscovery },
  { name: 'keys', needs: ['connection'], run: checkKeys },
  { name: 'client', needs: ['connection'], run: checkClient },
  { name: 'callback', needs: ['connection', 'client'], run: checkCallback },
  { name: 'encryption', needs: ['connection'], run: checkEncryption },
  { name: 'login', needs: ['connection', 'client', 'encryption'], run: checkLogin },
  { name: 'directory', needs: ['connection', 'client', 'encryption'], run: checkDirectory },
  { name: 'tokens', needs: ['connection', 'client'], run: checkTokens },
  { name: 'scopes', needs: ['connection', 'client', 'tokens'], run: checkScopes },
  { name: 'address', needs: ['connection', 'client', 'tokens'], run: checkClientIp },
];

/**
 * Checks everything between an application and its GenAuth tenant: options, network, TLS, clock, keys, application ID,
 * application secret, sign-in and tokens. Except for the check `connection`, the checks use the code of
 * `GenAuthClient`. Each problem has an impact and a fix. The doctor makes a sign-in only if `signIns` has credentials.
 *
 * @example
 * ```ts
 * import { runDoctor } from 'passport-genauth/doctor';
 *
 * const report = await runDoctor({ signIns: [{ account: 'alice', password: 'passw0rd' }] });
 * for (const finding of report.findings) {
 *   if (finding.level === 'error') console.error(finding.message, finding.impact, finding.fix);
 * }
 * ```
 *
 * @returns The report. A problem of the tenant, the network or the options is a finding in the report. It is not
 * thrown.
 * @throws The abort reason of `signal`, if `signal` is aborted.
 */
export function runDoctor(options?: DoctorOptions): Promise<DoctorReport>;
/** @internal */
export function runDoctor(options: DoctorOptions | undefined, overrides: DoctorOverrides): Promise<DoctorReport>;
export async function runDoctor(
  {
    options: givenOptions,
    env = process.env,
    envFile = {},
    signIns = [],
    clientIp,
    callbackUrl: givenCallback,
    signal,
  }: DoctorOptions = {},
  {
    now = () => Date.now(),
    nodeVersion = process.versions.node,
    canRequireModules = process.features.require_module,
    folder = process.cwd(),
  }: DoctorOverrides = {},
): Promise<DoctorReport> {
  const source = givenOptions === undefined ? 'environment' : 'code';
  const variables = { ...envFile, ...env };
  const readOptions = (): GenAuthOptions => givenOptions ?? genAuthOptionsFromEnvironment(variables);
  // An empty variable counts as absent.
  const callbackUrl = givenCallback ?? (variables[CALLBACK_VARIABLE] || undefined);
  const { given, options, found } = checkConfiguration(readOptions, source);
  const findings: Finding[] = [];
  const add = (check: CheckName, observations: readonly Observation[]): void => {
    findings.push(...observations.map((observation) => ({ check, ...cleanTexts(observation) })));
  };
  add('runtime', await checkRuntime({ nodeVersion, canRequireModules, folder }));
  if (source === 'environment') add('environment', checkEnvironment(env, envFile));
  add('configuration', found);
  if (given === undefined || options === undefined) {
    for (const { name } of CHECKS) add(name, [notChecked('configuration')]);
  } else {
    const settings = { given, options, source, env: variables, signIns, clientIp, callbackUrl, signal, now } as const;
    const context = new Context(settings);
    const stop = (): void => context.close();
    signal?.addEventListener('abort', stop);
    try {
      for (const { name, needs, run } of CHECKS) {
        signal?.throwIfAborted();
        const failed = needs.find((need) => findings.some(({ check, level }) => check === need && level === 'error'));
        add(name, failed === undefined ? await runCheck(context, run) : [notChecked(failed)]);
      }
      signal?.throwIfAborted();
    } finally {
      signal?.removeEventListener('abort', stop);
      context.close();
    }
  }
  return {
    level: findWorst(findings),
    version: await readVersion(),
    node: nodeVersion,
    appHost: options?.appHost,
    appId: options?.appId,
    findings,
  };
}

function notChecked(failed: CheckName): Observation {
  return skipped('not_checked', `Not checked, because the check "${failed}" found an error. Fix that error first.`);
}

/**
 * Replaces invisible characters in the texts of a finding. The texts contain parts of certificates, of responses and of
 * error messages, which must not add a line to the report or control the terminal.
 */
function cleanTexts(observation: Observation): Observation {
  const texts = Object.entries(observation).map(([name, text]) => [name, cleanText(text)]);
  return Object.fromEntries(texts) as Observation;
}

/** Runs a check. If an error of passport-genauth ends the check early, the error becomes the finding `check_failed`. */
async function runCheck(context: Context, run: Check['run']): Promise<Observation[]> {
  try {
    return await run(context);
  } catch (fault) {
    if (!(fault instanceof GenAuthError)) throw fault;
    return [
      error('check_failed', context.describe(fault), {
        impact: 'The check was not completed. A login that meets the same error fails.',
        fix: 'Correct the option or the setting that the message names. Then run the doctor again.',
        docs: fault.details.docs,
      }),
    ];
  }
}
