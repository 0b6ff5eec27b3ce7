/** The groups of checks, in the order in which they are made. */
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

/** What is to be done about an observation that is not all right. */
export interface Advice {
  /** What happens if it stays so. */
  why: string;
  /** Where in GenAuth's console; left out where it has nothing to do with it. */
  page?: string;
  /** The line to write, or what to do. */
  mend: string;
}

/** `skipped`: nobody looked, and `seen` says why; it counts neither way. */
export type Observation = {
  /** Stable: switch on this, never on the texts. */
  code: string;
  seen: string;
} & ({ level: 'ok' | 'skipped' } | ({ level: 'warning' | 'error' } & Advice));

export type Finding = Observation & { check: CheckName };

/** What the doctor found. No password, secret or token is in it. */
export interface DoctorReport {
  /** The worst of the findings. */
  level: 'ok' | 'warning' | 'error';
  /** Of this package. */
  version: string;
  node: string;
  /** `undefined` where the configuration has none that could be used. */
  appHost: string | undefined;
  appId: string | undefined;
  findings: readonly Finding[];
}

export function ok(code: string, seen: string): Observation {
  return { level: 'ok', code, seen };
}

export function skipped(code: string, seen: string): Observation {
  return { level: 'skipped', code, seen };
}

export function warning(code: string, seen: string, advice: Advice): Observation {
  return { level: 'warning', code, seen, ...advice };
}

export function error(code: string, seen: string, advice: Advice): Observation {
  return { level: 'error', code, seen, ...advice };
}

export function findWorst(findings: readonly Observation[]): DoctorReport['level'] {
  const has = (level: Observation['level']): boolean => findings.some((finding) => finding.level === level);
  return has('error') ? 'error' : has('warning') ? 'warning' : 'ok';
}

/** Pages of GenAuth's console. */
export const PAGES = {
  endpoints: 'application → endpoint information',
  tokenAuthMethod: 'application → configuration → token-exchange authentication method',
  introspectionAuthMethod: 'application → configuration → introspection authentication method',
  revocationAuthMethod: 'application → configuration → revocation authentication method',
  idTokenAlgorithm: 'application → protocol configuration → authorization → id_token signature algorithm',
  grants: 'application → protocol configuration → authorization → authorization mode',
  scopes: 'application → protocol configuration → OIDC scopes',
  loginControl: 'application → login control',
  accessAuthorization: 'application → access authorization',
  users: 'user management',
  security: 'security settings',
  directories: 'LDAP and AD',
  billing: 'billing',
} as const;
