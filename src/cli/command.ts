/** What a command may touch of its process. */
export interface CommandIo {
  /** Writes one line, or several, to standard output. */
  readonly stdout: (text: string) => void;
  readonly stderr: (text: string) => void;
  /** The environment, which the sample application reads as well. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborts when the command is to end (SIGINT, SIGTERM). */
  readonly stop: AbortSignal;
  /** Where a person types or a program writes; a function, since Node opens it when it is asked for. */
  readonly stdin?: () => Input;
  /** Standard output itself, which knows whether it shows colours. Absent: the output has no colours. */
  readonly output?: NodeJS.WritableStream;
}

/** Standard input; a terminal can be told not to show what is typed. */
export type Input = NodeJS.ReadableStream & { readonly isTTY?: boolean };

/** Runs a command with the arguments after its name; resolves with the process's exit code. */
export type Command = (args: readonly string[], io: CommandIo) => Promise<number>;

/** Exit codes. `usage`: the command line, or a file that it names, has to be corrected. */
export const EXIT = { ok: 0, failed: 1, usage: 2 } as const;
