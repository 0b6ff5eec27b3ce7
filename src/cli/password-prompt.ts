import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Input } from './command.js';

/**
 * Asks for passwords at the terminal, which shows nothing of what is typed from before the first question until the last answer.
 *
 * @returns what was typed; fewer than questions where the person ended the input
 */
export async function askPasswords(
  terminal: Input,
  questions: readonly string[],
  tell: (question: string) => void,
  signal: AbortSignal,
): Promise<string[]> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  // From here on the terminal is in raw mode: readline alone echoes, and that into nowhere.
  const reader = createInterface({ input: terminal, output: nowhere, terminal: true, historySize: 0 });
  // It keeps what is typed before it is asked for.
  const lines = reader[Symbol.asyncIterator]();
  const stop = (): void => reader.close();
  signal.addEventListener('abort', stop);
  const answers: string[] = [];
  try {
    for (const question of questions) {
      tell(question);
      const line = await lines.next();
      // Ctrl+C, Ctrl+D, or told to stop.
      if (line.done === true) break;
      answers.push(line.value);
    }
  } finally {
    signal.removeEventListener('abort', stop);
    reader.close();
  }
  return answers;
}

/** The lines that a program writes, a password each; neither trimmed nor empty ones left out, but for the last line's end. */
export async function readLines(input: Input): Promise<string[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of input) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
    .split(/\r?\n/);
}
