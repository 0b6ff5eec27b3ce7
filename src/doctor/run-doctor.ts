import { GenAuthError } from '../core/errors.js';
import type { GenAuthOptions } from '../core/options/types.js';
import type { Credentials } from '../core/sign-in/credentials.js';
import { readVersion } from '../core/util/manifest.js';
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
import { type Environment, readOptions } from './environment.js';
import {
  type CheckName,
  type DoctorReport,
  type Finding,
  type Observation,
  error,
  findWorst,
  skipped,
} from './report.js';

export interface DoctorOptions {
  /** The options of the application's client. Default: read from the environment, `GENAUTH_APP_ID` and so on. */
  options?: GenAuthOptions | undefined;
  /** Default: `process.env`. */
  env?: Environment | undefined;
  /** Variables of a file. `env` overrides them. */
  envFile?: Environment | undefined;
  /** One sign-in is made with each: at most one with a password, one with Active Directory. Default: no sign-in. */
  signIns?: readonly Credentials[] | undefined;
  /** Sent as the client's IP address with these sign-ins. */
  clientIp?: string | undefined;
  /** Ends the run early; the returned promise rejects. */
  signal?: AbortSignal | undefined;
}

/** Parts of the process that tests replace. */
export interface DoctorSeams extends Partial<Runtime> {
  now?: () => number;
}

interface Check {
  name: CheckName;
  /** Checks that this one depends on. It is skipped if one of them finds an error. */
  needs: readonly CheckName[];
  run: (context: Context) => Promise<Observation[]>;
}

/** The checks that talk to GenAuth, in this order: later ones use what earlier ones have learned. */
const CHECKS: readonly Check[] = [
  { name: 'connection', needs: [], run: checkConnection },
  { name: 'clock', needs: ['connection'], run: checkClock },
  { name: 'discovery', needs: ['connection'], run: checkDiscovery },
  { name: 'keys', needs: ['connection'], run: checkKeys },
  { name: 'client', needs: ['connection'], run: checkClient },
  { name: 'encryption', needs: ['connection'], run: checkEncryption },
  { name: 'login', needs: ['connection', 'client', 'encryption'], run: checkLogin },
  { name: 'directory', needs: ['connection', 'client', 'encryption'], run: checkDirectory },
  { name: 'tokens', needs: ['connection', 'client'], run: checkTokens },
  { name: 'scopes', needs: ['connection', 'client', 'tokens'], run: checkScopes },
  { name: 'address', needs: ['connection', 'client', 'tokens'], run: checkClientIp },
];

/**
 * Checks everything between an application and its tenant, as the library itself uses it. Reports what is wrong, what
 * it leads to and how to fix it. No sign-in is made unless `signIns` has credentials.
 *
 * @returns The findings. A fault of the tenant or of the options is a finding, not an error.
 */
export function runDoctor(options?: DoctorOptions): Promise<DoctorReport>;
/** @internal */
export function runDoctor(options: DoctorOptions | undefined, seams: DoctorSeams): Promise<DoctorReport>;
export async function runDoctor(
  { options: own, env = process.env, envFile = {}, signIns = [], clientIp, signal }: DoctorOptions = {},
  {
    now = Date.now,
    nodeVersion = process.versions.node,
    canRequireModules = process.features.require_module,
    folder = process.cwd(),
  }: DoctorSeams = {},
): Promise<DoctorReport> {
  const source = own === undefined ? 'environment' : 'code';
  const variables = { ...envFile, ...env };
  const given = own ?? readOptions(variables);
  const { options, found } = checkConfiguration(given, source);
  const findings: Finding[] = [];
  const note = (check: CheckName, observations: readonly Observation[]): void => {
    findings.push(...observations.map((observation) => ({ check, ...observation })));
  };
  note('runtime', await checkRuntime({ nodeVersion, canRequireModules, folder }));
  if (source === 'environment') note('environment', checkEnvironment(env, envFile));
  note('configuration', found);
  if (options === undefined) {
    for (const { name } of CHECKS) note(name, [notChecked('configuration')]);
  } else {
    const context = new Context({ given, options, source, env: variables, signIns, clientIp, signal, now });
    const stop = (): void => context.close();
    signal?.addEventListener('abort', stop);
    try {
      for (const { name, needs, run } of CHECKS) {
        signal?.throwIfAborted();
        const obstacle = needs.find((need) => findings.some(({ check, level }) => check === need && level === 'error'));
        note(name, obstacle === undefined ? await attempt(context, run) : [notChecked(obstacle)]);
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

function notChecked(obstacle: CheckName): Observation {
  return skipped('not_checked', `Not checked: fix "${obstacle}" first.`);
}

/** Runs a check. An error that ends it early is a finding too, for example a secret that cannot be loaded. */
async function attempt(context: Context, run: Check['run']): Promise<Observation[]> {
  try {
    return await run(context);
  } catch (fault) {
    if (!(fault instanceof GenAuthError)) throw fault;
    return [
      error('check_failed', context.describe(fault), {
        impact: 'This check could not be completed.',
        fix: 'Fix what the message names.',
      }),
    ];
  }
}
