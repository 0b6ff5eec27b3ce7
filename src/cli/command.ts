/** The parts of the process that a command uses. Tests replace them. */
export interface CommandIo {
  /** Writes text and a line end to standard output. The text may have several lines. */
  readonly stdout: (text: string) => void;
  /** Writes text and a line end to standard error. */
  readonly stderr: (text: string) => void;
  /** Environment variables. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted when the command must end: on SIGINT (Ctrl+C) or SIGTERM. */
  readonly stop: AbortSignal;
  /** Returns standard input. It is a function, because Node opens standard input at the first access. */
  readonly stdin?: () => Input;
  /** The stream of standard output, which decides whether the output has colours. Absent: no colours. */
  readonly output?: NodeJS.WritableStream;
}

/** Standard input. `isTTY` is true if it is a terminal. */
export type Input = NodeJS.ReadableStream & { readonly isTTY?: boolean };

/** Runs a command with the arguments after its name. Resolves with the exit code of the process. */
export type Command = (args: readonly string[], io: CommandIo) => Promise<number>;

/** Exit codes. `usage`: the user must correct the command line, or a file that it names. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;
