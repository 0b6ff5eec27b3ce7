import { copyFile, mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { transform } from '@swc/core';
import type { CommandIo } from '../../src/cli/command.js';
import { run } from '../../src/cli/run.js';
import { ROOT } from '../support/process.js';

/** Creates a folder for one run of a test file, below the package, so that Node finds its dependencies. */
export async function makeFolder(): Promise<string> {
  await mkdir(join(ROOT, 'test/.tmp'), { recursive: true });
  return mkdtemp(join(ROOT, 'test/.tmp/cli-'));
}

/**
 * Compiles the command line for tests that need a real process. `npm run build` takes longer.
 *
 * @returns The path of `main.js`.
 */
export async function buildCli(folder: string): Promise<string> {
  const files = await readdir(join(ROOT, 'src'), { recursive: true });
  for (const file of files.filter((name) => /^(core|doctor|emulator|cli).*\.ts$/.test(name))) {
    const { code } = await transform(await readFile(join(ROOT, 'src', file), 'utf8'), {
      swcrc: false,
      module: { type: 'es6' },
      jsc: { target: 'es2022', parser: { syntax: 'typescript' } },
    });
    const target = join(folder, 'dist', file.replace(/\.ts$/, '.js'));
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, code);
  }
  await copyFile(join(ROOT, 'package.json'), join(folder, 'package.json'));
  return join(folder, 'dist/cli/main.js');
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
  const code = await run(args, {
    stdout: write(out),
    stderr: write(err),
    env,
    stop: new AbortController().signal,
    ...io,
  });
  return { code, stdout: out.join('\n'), stderr: err.join('\n') };
}
