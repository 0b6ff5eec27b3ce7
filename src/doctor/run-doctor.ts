import { GenAuthError } from '../core/errors.js';
import type { GenAuthOptions } from '../core/options/types.js';
import type { Credentials } from '../core/sign-in/credentials.js';
import { readVersion } from '../core/util/manifest.js';
import { checkAddress } from './checks/client-ip.js';
import { checkClient } from './checks/client.js';
import { checkClock, checkConnection } from './checks/connection.js';
import { checkDiscovery } from './checks/discovery.js';
import { checkEncryption } from './checks/encryption.js';
import { Examination } from './context.js';
import { checkKeys } from './checks/keys.js';
import {
  type CheckName,
  type DoctorReport,
  type Finding,
  type Observation,
  error,
  findWorst,
  skipped,
} from './report.js';
import { type Runtime, checkRuntime } from './checks/runtime.js';
import { type Environment, checkConfiguration, checkEnvironment, readOptions } from './environment.js';
import { checkDirectory, checkLogin } from './checks/sign-in.js';
import { checkScopes, checkTokens } from './checks/tokens.js';

export interface DoctorOptions {
  /** What the application gives to its client. Default: from the environment, `GENAUTH_APP_ID` and its like. */
  options?: GenAuthOptions | undefined;
  /** Default: the process's. */
  env?: Environment | undefined;
  /** Variables of a file, which those of `env` overrule. */
  envFile?: Environment | undefined;
  /** Signs in with each, once: at most one of a password, one of Active Directory. Default: nobody signs in. */
  signIns?: readonly Credentials[] | undefined;
  /** Sent as the client's IP address with these sign-ins. */
  clientIp?: string | undefined;
  signal?: AbortSignal | undefined;
}

/** What tests replace. */
export interface DoctorSeams extends Partial<Runtime> {
  now?: () => number;
}

interface Check {
  name: CheckName;
  /** Checks without whose success this one would tell nothing new. */
  needs: readonly CheckName[];
  run: (x: Examination) => Promise<Observation[]>;
}

/** In this order; each learns from those before it. */
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
  { name: 'address', needs: ['connection', 'client', 'tokens'], run: checkAddress },
];

/**
 * Looks at everything between an application and its tenant, as the library itself would meet it, and says what is wrong, why
 * it matters and how to mend it. Nobody signs in unless `signIns` says so.
 *
 * @returns What was found; what is wrong with the tenant or the options is a finding, not an error.
 */
export function runDoctor(options?: DoctorOptions): Promise<DoctorReport>;
/** @internal */
export function runDoctor(options: DoctorOptions | undefined, seams: DoctorSeams): Promise<DoctorReport>;
export async function runDoctor(
  { options: own, env = process.env, envFile = {}, signIns = [], clientIp, signal }: DoctorOptions = {},
  { now = Date.now, nodeVersion = process.versions.node, folder = process.cwd() }: DoctorSeams = {},
): Promise<DoctorReport> {
  const source = own === undefined ? 'environment' : 'code';
  const variables = { ...envFile, ...env };
  const given = own ?? readOptions(variables);
  const { options, found } = checkConfiguration(given, source);
  const findings: Finding[] = [];
  const note = (check: CheckName, observations: readonly Observation[]): void => {
    findings.push(...observations.map((observation) => ({ check, ...observation })));
  };
  note('runtime', await checkRuntime({ nodeVersion, folder }));
  if (source === 'environment') note('environment', checkEnvironment(env, envFile));
  note('configuration', found);
  if (options === undefined) {
    for (const { name } of CHECKS) note(name, [notChecked('configuration')]);
  } else {
    const x = new Examination({ given, options, source, env: variables, signIns, clientIp, signal, now });
    const stop = (): void => x.close();
    signal?.addEventListener('abort', stop);
    try {
      for (const { name, needs, run } of CHECKS) {
        signal?.throwIfAborted();
        const obstacle = needs.find((need) => findings.some(({ check, level }) => check === need && level === 'error'));
        note(name, obstacle === undefined ? await attempt(x, run) : [notChecked(obstacle)]);
      }
      signal?.throwIfAborted();
    } finally {
      signal?.removeEventListener('abort', stop);
      x.close();
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
  return skipped('not_checked', `Not looked at: mend "${obstacle}" first.`);
}

/** What keeps a check from its end is a finding too: a secret that cannot be got, a discovery document that a sign-in trips over. */
async function attempt(x: Examination, run: Check['run']): Promise<Observation[]> {
  try {
    return await run(x);
  } catch (fault) {
    if (!(fault instanceof GenAuthError)) throw fault;
    return [
      error('check_failed', x.describe(fault), {
        why: 'This could not be looked at to its end.',
        mend: 'Mend what the message names.',
      }),
    ];
  }
}
