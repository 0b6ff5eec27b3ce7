import { mkdir, mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { CommandIo } from '../../src/cli/command.js';
import { run } from '../../src/cli/run.js';
import { ROOT } from '../support/process.js';

/** Creates a folder for one run of a test file, below the package, so that Node finds its dependencies. */
export async function makeFolder(): Promise<string> {
  await mkdir(join(ROOT, 'test/.tmp'), { recursive: true });
  return mkdtemp(join(ROOT, 'test/.tmp/cli-'));
}

/** Runs a command in this process. */
export async function runCommand(
  args: readonly string[],
  env: Record<string, string> = {},
  io: Partial<CommandIo> = {},
): Promise<{ code: number; stdout: string; stderr: string }> {
  const out: string[] = [];
  const err: string[] = [];
  const write = (stream: string[]) => (text: string) => void stream.push(text);
  const stop = new AbortController().signal;
  const code = await run(args, { stdout: write(out), stderr: write(err), env, stop, ...io });
  return { code, stdout: out.join('\n'), stderr: err.join('\n') };
}
