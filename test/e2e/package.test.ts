import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from '../support/process.js';

describe('what is packed', () => {
  let files: string[];
  beforeAll(() => {
    // The built `dist` is there already: npm's `pretest` made it.
    const packed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--offline'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [{ files: list }] = JSON.parse(packed) as [{ files: { path: string }[] }];
    files = list.map(({ path }) => path);
  });

  it('is the built code, its sources for the maps, and the papers', () => {
    const others = files.filter((file) => !/^(dist|src)\//.test(file));
    expect(others.sort()).toEqual([
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      // What the README links.
      'bench/README.md',
      'docs/doctor.md',
      'docs/emulator.md',
      'docs/guarding.md',
      'docs/sign-in.md',
      'docs/testing.md',
      'package.json',
    ]);
    expect(
      files.filter((file) => /^dist\/(index|(nest|emulator|testing)\/index|cli\/main)\.js$/.test(file)),
    ).toHaveLength(5);
  });

  it('knows of no emulator where an application runs', () => {
    const code = files.filter((file) => /^dist\/.*\.(?:js|d\.ts)$/.test(file));
    const running = code.filter((file) => !/^dist\/(?:emulator|testing|cli|doctor)\//.test(file));
    const findMentions = (list: string[]): string[] =>
      list.filter((file) => /emulator/i.test(readFileSync(join(ROOT, file), 'utf8')));
    expect(running).toEqual(
      expect.arrayContaining(['dist/index.js', 'dist/core/wire/facts.d.ts', 'dist/nest/index.js']),
    );
    expect(findMentions(running)).toEqual([]);
    // The search finds what there is: everything that starts it.
    expect(findMentions(code)).toEqual(expect.arrayContaining(['dist/cli/emulator.js', 'dist/testing/test-kit.js']));
  });

  it('has a source for every map', () => {
    for (const file of files.filter((name) => name.endsWith('.js'))) {
      expect(files).toContain(file.replace(/^dist\//, 'src/').replace(/\.js$/, '.ts'));
    }
  });
});

it('names no package in its public types but its own peers and dependencies', () => {
  const names = readdirSync(join(ROOT, 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.d.ts'))
    .flatMap((file) => [
      ...readFileSync(join(ROOT, 'dist', file), 'utf8').matchAll(/(?:from|import\()\s*['"]([^.'"\n;][^'"\n]*)['"]/g),
    ])
    .map((match) => match[1] ?? '')
    .filter((name) => !name.startsWith('node:'));
  // Express's types, passport-custom's class and axios would tie every user to their versions.
  expect([...new Set(names)].sort()).toEqual(['@nestjs/common', '@nestjs/core', 'jose']);
});
