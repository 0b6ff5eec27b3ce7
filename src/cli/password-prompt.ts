import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Input } from './command.js';

/**
 * Asks for passwords at the terminal. From before the first question until after the last answer, the terminal does not
 * show what the user types.
 *
 * @param print - Prints a question.
 * @param signal - Ends the input early.
 * @returns The typed lines. There are fewer lines than questions if the user or the signal ended the input.
 */
export async function askPasswords(
  terminal: Input,
  questions: readonly string[],
  print: (question: string) => void,
  signal: AbortSignal,
): Promise<string[]> {
  const discard = new Writable({ write: (_chunk, _encoding, done) => done() });
  // This call puts the terminal into raw mode, so that only readline echoes what is typed. Its echo is discarded.
  const reader = createInterface({ input: terminal, output: discard, terminal: true, historySize: 0 });
  // Created before the first question, so that it also stores lines that are typed or pasted early.
  const lines = reader[Symbol.asyncIterator]();
  const stop = (): void => reader.close();
  signal.addEventListener('abort', stop);
  const answers: string[] = [];
  try {
    for (const question of questions) {
      print(question);
      const line = await lines.next();
      // The user pressed Ctrl+C or Ctrl+D, or the signal was aborted.
      if (line.done === true) break;
      answers.push(line.value);
    }
  } finally {
    signal.removeEventListener('abort', stop);
    reader.close();
  }
  return answers;
}

/**
 * Reads one password per line from a program. Lines are not trimmed, and empty lines are kept. Only one line end at the
 * end of the input is ignored.
 */
export async function readLines(input: Input): Promise<string[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of input) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
    .split(/\r?\n/);
}
