import { copyFile, mkdir, mkdtemp, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from '@swc/core';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** A folder for one run of a test file, below the package so that its dependencies are found; git does not see it. */
export async function makeFolder(): Promise<string> {
  await mkdir(join(ROOT, 'test/.tmp'), { recursive: true });
  return mkdtemp(join(ROOT, 'test/.tmp/cli-'));
}

/**
 * The command line as plain JavaScript, for tests that need a real process. Not `npm run build`: that would take seconds
 * and every other room.
 *
 * @returns the path of `main.js`
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
