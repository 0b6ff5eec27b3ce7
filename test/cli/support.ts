import { copyFile, mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from '@swc/core';
import { run } from '../../src/cli/run.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

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
  const rooms = ['core', 'doctor', 'emulator', 'cli'].map(async (room) =>
    (await readdir(join(ROOT, 'src', room), { recursive: true }))
      .filter((file) => file.endsWith('.ts'))
      .map((file) => join(room, file)),
  );
  for (const file of (await Promise.all(rooms)).flat()) {
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

/** Runs a command in this process. A command that listens is stopped at once. */
export async function runToEnd(args: readonly string[], env: Record<string, string> = {}) {
  const out: string[] = [];
  const err: string[] = [];
  const io = { stdout: (text: string) => out.push(text), stderr: (text: string) => err.push(text) };
  const code = await run(args, { ...io, env, stop: AbortSignal.abort() });
  return { code, stdout: out.join('\n'), stderr: err.join('\n') };
}
