/** The checks, in the order in which they run. */
export type CheckName =
  | 'runtime'
  | 'environment'
  | 'configuration'
  | 'connection'
  | 'clock'
  | 'discovery'
  | 'keys'
  | 'client'
  | 'encryption'
  | 'login'
  | 'directory'
  | 'tokens'
  | 'scopes'
  | 'address';

/** What a problem leads to, and how it is fixed. */
export interface Advice {
  /** What happens as long as the problem is not fixed. */
  impact: string;
  /** The page of GenAuth's console; absent if the console has nothing to do with the problem. */
  consolePage?: string;
  /** The line to write, or what to do. */
  fix: string;
}

/** One result of a check. `skipped`: nothing was checked, and `message` says why; it is neither good nor bad. */
export type Observation = {
  /** Stable: switch on this, never on the texts. */
  code: string;
  /** What was found, with the value. */
  message: string;
} & ({ level: 'ok' | 'skipped' } | ({ level: 'warning' | 'error' } & Advice));

export type Finding = Observation & { check: CheckName };

/** The findings of one run. The report holds no password, secret or token. */
export interface DoctorReport {
  /** The worst level among the findings. */
  level: 'ok' | 'warning' | 'error';
  /** Version of this package. */
  version: string;
  /** Version of Node.js. */
  node: string;
  /** `undefined` if the options are wrong. */
  appHost: string | undefined;
  appId: string | undefined;
  findings: readonly Finding[];
}

export function ok(code: string, message: string): Observation {
  return { level: 'ok', code, message };
}

export function skipped(code: string, message: string): Observation {
  return { level: 'skipped', code, message };
}

export function warning(code: string, message: string, advice: Advice): Observation {
  return { level: 'warning', code, message, ...advice };
}

export function error(code: string, message: string, advice: Advice): Observation {
  return { level: 'error', code, message, ...advice };
}

export function findWorst(findings: readonly Observation[]): DoctorReport['level'] {
  const has = (level: Observation['level']): boolean => findings.some((finding) => finding.level === level);
  return has('error') ? 'error' : has('warning') ? 'warning' : 'ok';
}
