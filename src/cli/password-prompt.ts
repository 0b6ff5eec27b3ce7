import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import type { Input } from './command.js';

/**
 * Asks for passwords at the terminal. The terminal does not show what the user types, from before the first question
 * until after the last answer.
 *
 * @param print - A function that prints a question.
 * @param signal - A signal. If it is aborted, the input ends early.
 * @returns The typed lines. If the user or the signal ended the input, there are fewer lines than questions.
 */
export async function askPasswords(
  terminal: Input,
  questions: readonly string[],
  print: (question: string) => void,
  signal: AbortSignal,
): Promise<string[]> {
  const discard = new Writable({ write: (_chunk, _encoding, done) => done() });
  // This call puts the terminal into raw mode. In raw mode only `readline` prints the typed characters, and this output
  // is discarded.
  const reader = createInterface({ input: terminal, output: discard, terminal: true, historySize: 0 });
  // The iterator is created before the first question, so that it also stores lines that the user types or pastes
  // early.
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
 * Reads one password per line from a program. Lines are not trimmed, and empty lines are kept. Only one line break at
 * the end of the input is ignored.
 */
export async function readLines(input: Input): Promise<string[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of input) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '')
    .split(/\r?\n/);
}
