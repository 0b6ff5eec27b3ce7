/** The names of the checks, in the order in which the checks run. */
export type CheckName =
  | 'runtime'
  | 'environment'
  | 'configuration'
  | 'connection'
  | 'clock'
  | 'discovery'
  | 'keys'
  | 'client'
  | 'callback'
  | 'encryption'
  | 'login'
  | 'directory'
  | 'tokens'
  | 'scopes'
  | 'address';

/** The consequence of a problem, and the fix. */
export interface Advice {
  /** The effect of the problem on logins and guarded routes until it is fixed. */
  impact: string;
  /**
   * The name of the page in GenAuth's console that contains the setting. Absent if the console has no page for the
   * problem.
   */
  consolePage?: string;
  /**
   * The action that the operator must take. If the operator must copy a line, the text ends with this line, without a
   * full stop: `Set GENAUTH_APP_ID=<App ID>`. A part in `<…>` must be replaced by the real value.
   */
  fix: string;
  /**
   * The description of the error that the check met, as a path below `node_modules`:
   * `passport-genauth/docs/errors.md#upstream_timeout`. Absent if the problem is no error of the client.
   */
  docs?: string;
}

/**
 * One result of a check. Warnings and errors have the members of {@link Advice}. With the level `skipped` nothing was
 * checked, and `message` contains the reason.
 */
export type Observation = {
  /** The stable code of the result. Programs must compare this code, because the texts may change. */
  code: string;
  /** The problem, or what was checked, with the value. */
  message: string;
} & (
  | {
      /** `ok`: no problem was found. `skipped`: nothing was checked. */
      level: 'ok' | 'skipped';
    }
  | ({
      /**
       * `warning`: the operator must check the setting, because some logins or routes may fail. `error`: the check
       * failed. Checks that depend on it are skipped. The member `impact` describes the effect.
       */
      level: 'warning' | 'error';
    } & Advice)
);

/** One result of a check, with the name of the check. */
export type Finding = Observation & {
  /** The name of the check. */
  check: CheckName;
};

/** The result of one run. The report contains no password, secret or token. */
export interface DoctorReport {
  /** The worst level among the findings. `ok` if there is no warning and no error. */
  level: 'ok' | 'warning' | 'error';
  /** The version of passport-genauth. */
  version: string;
  /** The version of Node.js. */
  node: string;
  /** The value of the option `appHost`, or `undefined` if an option is invalid. */
  appHost: string | undefined;
  /** The value of the option `appId`, or `undefined` if an option is invalid. */
  appId: string | undefined;
  /** All findings, in the order of the checks. */
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
