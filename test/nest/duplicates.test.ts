import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findDuplicates, readMajorVersion } from '../../src/nest/duplicates.js';

const root = realpathSync(mkdtempSync(join(tmpdir(), 'genauth-duplicates-')));
afterAll(() => rmSync(root, { recursive: true }));

/** Creates an application with these packages, each as a path of folders in `node_modules`. */
function makeApplication(...packages: string[]): string[] {
  const folder = mkdtempSync(join(root, 'app-'));
  for (const path of packages) {
    const target = join(folder, ...path.split(' ').flatMap((name) => ['node_modules', name]));
    mkdirSync(target, { recursive: true });
    writeFileSync(join(target, 'package.json'), '{}');
  }
  return [join(folder, 'main.js')];
}

it.each<[title: string, packages: string[], expected: [name: string, ours: string, theirs: string][]]>([
  ['nothing without the packages', [], []],
  ['nothing without passport-genauth', ['@nestjs/core', 'passport'], []],
  ['nothing with one copy', ['passport-genauth', '@nestjs/core', '@nestjs/passport', 'passport'], []],
  [
    'a second @nestjs/core',
    ['passport-genauth', '@nestjs/core', 'passport-genauth @nestjs/core'],
    [['@nestjs/core', 'passport-genauth/node_modules/@nestjs/core', '@nestjs/core']],
  ],
  [
    'a second passport, which @nestjs/passport uses',
    ['passport-genauth', '@nestjs/passport', 'passport', '@nestjs/passport passport'],
    [['passport', 'passport', '@nestjs/passport/node_modules/passport']],
  ],
  ['nothing without @nestjs/passport', ['passport-genauth', 'passport', 'passport-genauth passport'], []],
])('finds %s', (_title, packages, expected) => {
  const files = makeApplication(...packages);
  const found = findDuplicates(files);
  expect(found).toHaveLength(expected.length);
  for (const [i, [name, ours, theirs]] of expected.entries()) {
    const modules = join(files[0] ?? '', '..', 'node_modules');
    expect(found[i]).toContain(`${name} is installed twice: passport-genauth uses ${join(modules, ours)}, and `);
    expect(found[i]).toContain(`uses ${join(modules, theirs)}. Install one version, see npm ls ${name}.`);
  }
});

it('reads the major version of an installed package, and no version of an unknown package', () => {
  expect(readMajorVersion('@nestjs/core')).toBeGreaterThanOrEqual(11);
  expect(readMajorVersion('no-such-package')).toBeUndefined();
  expect(findDuplicates()).toEqual([]);
});
