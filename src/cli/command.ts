/** The parts of the process that a command uses. Tests pass their own values. */
export interface CommandIo {
  /** Writes text and a line break to standard output. The text may have several lines. */
  readonly stdout: (text: string) => void;
  /** Writes text and a line break to standard error. */
  readonly stderr: (text: string) => void;
  /** The environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /**
   * A signal that is aborted when the command must end. Its `reason` is `'SIGINT'` (Ctrl+C), `'SIGTERM'` or `'SIGHUP'`.
   */
  readonly stop: AbortSignal;
  /**
   * Functions that are called with each signal, also after the first. While there is one, no signal ends the process.
   */
  readonly signals?: Set<(signal: NodeJS.Signals) => void>;
  /** Returns standard input. This member is a function, because Node.js opens standard input at the first access. */
  readonly stdin?: () => Input;
  /**
   * The stream of standard output. It determines whether the output has colours. Without a stream the output has no
   * colours.
   */
  readonly output?: NodeJS.WritableStream;
}

/** The type of standard input. `isTTY` is `true` if standard input is a terminal. */
export type Input = NodeJS.ReadableStream & { readonly isTTY?: boolean };

/** Runs a command with the arguments after the command's name. Resolves with the exit code of the process. */
export type Command = (args: readonly string[], io: CommandIo) => Promise<number>;

/**
 * The exit codes of the process. `ok`: the command succeeded. `failed`: the emulator could not start or failed.
 * `usage`: the user must correct the command line, or a file that the command line names. The command `doctor` has its
 * own exit codes: 0 no problem, 1 warnings, 2 errors or a wrong command line. The command `emulator -- COMMAND` ends
 * with the exit code of COMMAND.
 */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;
