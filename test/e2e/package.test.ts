import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../support/process.js';

// npm's `pretest` built `dist`.
const DIST = pathToFileURL(join(ROOT, 'dist')).href;
/** A file without its doc comments, which mention other entry points and import other packages in examples. */
const readCode = (file: string): string => readFileSync(join(ROOT, file), 'utf8').replaceAll(/\/\*[^]*?\*\//g, '');
const isPackage = (specifier: string): boolean => !/^(\.|node:)/.test(specifier);

describe('the packed package', () => {
  let files: string[];
  beforeAll(() => {
    const packed = execFileSync('npm', ['pack', '--dry-run', '--json', '--ignore-scripts', '--offline'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const [{ files: list }] = JSON.parse(packed) as [{ files: { path: string }[] }];
    files = list.map(({ path }) => path);
  });

  it('contains the built code, its sources and the documents, and nothing else', () => {
    expect(files.filter((file) => !/^(dist|src)\//.test(file)).sort()).toEqual([
      'CHANGELOG.md',
      'CONTRIBUTING.md',
      'LICENSE',
      'README.md',
      'SECURITY.md',
      // The README links it.
      'bench/README.md',
      'docs/doctor.md',
      'docs/emulator.md',
      'docs/guarding.md',
      'docs/sign-in.md',
      'docs/testing.md',
      'package.json',
    ]);
    const entries = files.filter((file) => /^dist\/(index|(nest|emulator|testing)\/index|cli\/main)\.js$/.test(file));
    expect(entries).toHaveLength(5);
  });

  it('contains the source of every built file', () => {
    const built = files.filter((file) => file.endsWith('.js'));
    const sources = built.map((file) => file.replace(/^dist\//, 'src/').replace(/\.js$/, '.ts'));
    expect(sources.filter((file) => !files.includes(file))).toEqual([]);
  });

  it('mentions the emulator only in the emulator, the test kit, the command line and the doctor', () => {
    const code = files.filter((file) => /^dist\/.*\.(?:js|d\.ts)$/.test(file));
    const mentions = code.filter((file) => /emulator/i.test(readCode(file)));
    expect(mentions).toEqual(expect.arrayContaining(['dist/cli/emulator.js', 'dist/testing/test-kit.js']));
    expect(mentions.filter((file) => !/^dist\/(?:emulator|testing|cli|doctor)\//.test(file))).toEqual([]);
    expect(code).toEqual(expect.arrayContaining(['dist/index.js', 'dist/core/wire/facts.d.ts', 'dist/nest/index.js']));
  });
});

it('the public types import only Nest and jose', () => {
  const imports = readdirSync(join(ROOT, 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.d.ts'))
    .flatMap((file) => [...readCode(`dist/${file}`).matchAll(/(?:from|import\()\s*['"]([^'"\n]+)['"]/g)])
    .map((match) => match[1] ?? '');
  // Types of Express, passport-custom or axios would tie every user to a version of those packages.
  expect([...new Set(imports.filter(isPackage))].sort()).toEqual(['@nestjs/common', '@nestjs/core', 'jose']);
});

describe('the entry point', () => {
  const toDataUrl = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;
  // Prints every import of a file of the built package, before it is resolved.
  const HOOK = `
    import { writeSync } from 'node:fs';
    export async function resolve(specifier, context, nextResolve) {
      if (context.parentURL?.startsWith(${JSON.stringify(`${DIST}/`)})) writeSync(1, specifier + '\\n');
      return nextResolve(specifier, context);
    }`;
  const PREPARATION = `import { register } from 'node:module'; register(${JSON.stringify(toDataUrl(HOOK))});`;

  /** Loads a file of the built package in a new process, and returns what the package's own files import. */
  function listImports(file: string): string[] {
    const run = `await import(${JSON.stringify(`${DIST}/${file}`)});`;
    const args = ['--import', toDataUrl(PREPARATION), '--input-type=module', '--eval', run];
    return [
      ...new Set(execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' }).trim().split('\n')),
    ].sort();
  }

  it.each([
    ['passport-genauth/client', 'client.js', ['axios', 'jose']],
    ['passport-genauth', 'index.js', ['axios', 'jose', 'passport', 'passport-custom']],
  ])('%s loads no framework', (_entry, file, packages) => {
    expect(listImports(file).filter(isPackage)).toEqual(packages);
  });

  it('passport-genauth/nest loads no private file of Nest and nothing of passport-genauth/nest/openapi', () => {
    const imports = listImports('nest/index.js');
    const nest = imports.filter((specifier) => specifier.startsWith('@nestjs/'));
    expect(nest).toEqual(['@nestjs/common', '@nestjs/core', '@nestjs/passport']);
    expect(imports).toContain('./genauth.guard.js');
    expect(imports.filter((specifier) => specifier.includes('openapi'))).toEqual([]);
  });

  it('passport-genauth/nest/openapi loads two private files of Nest', () => {
    const imports = listImports('nest/openapi/index.js');
    expect(imports.filter((specifier) => /^@nestjs\/\w+\/./.test(specifier))).toEqual([
      '@nestjs/common/constants.js',
      '@nestjs/core/router/route-path-factory.js',
    ]);
  });
});
