import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ROOT, startNode } from '../support/process.js';

// npm's `pretest` built `dist`.
/** A file without its doc comments, which mention other entry points and import other packages in examples. */
const readCode = (file: string): string => readFileSync(join(ROOT, file), 'utf8').replaceAll(/\/\*[^]*?\*\//g, '');
const isPackage = (specifier: string): boolean => !/^(\.|node:)/.test(specifier);

/** What a file of the built package imports when it is loaded, and what the files that it imports do. */
function listImports(file: string, found = new Set<string>()): string[] {
  const [, ...parts] = readCode(file).split(/^(?:import|export)\b(?!\()(?:[^'";]*\bfrom)?\s*'/m);
  const specifiers = parts.map((part) => part.slice(0, part.indexOf("'")));
  const paths = specifiers.map((specifier) => (isPackage(specifier) ? specifier : join(dirname(file), specifier)));
  for (const path of paths.filter((each) => !found.has(each) && !each.includes('node:'))) {
    found.add(path);
    if (path.startsWith('dist/')) listImports(path, found);
  }
  return [...found].sort();
}

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
      'LICENSE',
      'README.md',
      'README.zh-CN.md',
      'SECURITY.md',
      'docs/doctor.md',
      'docs/emulator.md',
      'docs/errors.md',
      'docs/express.md',
      'docs/faq.md',
      'docs/graphql-websocket-rpc.md',
      'docs/hosted-page.md',
      'docs/migrating.md',
      'docs/nest-on-fastify.md',
      'docs/nest.md',
      'docs/observability.md',
      'docs/options.md',
      'docs/outcomes.md',
      'docs/production.md',
      'docs/scaling.md',
      'docs/security.md',
      'docs/sessions.md',
      'docs/testing.md',
      'docs/your-own-users.md',
      'docs/zh-CN/quick-start.md',
      'package.json',
    ]);
    const built = files.filter((file) => /^dist\/.*\.js$/.test(file));
    const entries = ['client', 'index', 'cli/main', ...['nest', 'emulator', 'testing'].map((room) => `${room}/index`)];
    expect(built).toEqual(expect.arrayContaining(entries.map((name) => `dist/${name}.js`)));
    const sources = built.map((file) => file.replace('dist/', 'src/').replace('.js', '.ts'));
    expect(sources.filter((file) => !files.includes(file))).toEqual([]);
  });

  it('contains the page of the emulator beside the built code, as it is in the sources', () => {
    const pageFiles = readdirSync(join(ROOT, 'src/emulator/page'));
    expect(pageFiles).toEqual(expect.arrayContaining(['index.html', 'page.css', 'page.mjs']));
    expect(
      files
        .filter((file) => file.startsWith('dist/emulator/page/'))
        .map((file) => basename(file))
        .sort(),
    ).toEqual(pageFiles.sort());
    const read = (folder: string) =>
      pageFiles.map((name) => readFileSync(join(ROOT, folder, 'emulator/page', name), 'utf8'));
    expect(read('dist')).toEqual(read('src'));
  });

  it('no file that a test framework loads as CommonJS contains import.meta', () => {
    // The module that reads the page is loaded by `import()` when the page is requested.
    const entries = ['emulator/index', 'testing/index', 'nest/index', 'index'].map((name) => `dist/${name}.js`);
    const loaded = new Set(entries.flatMap((entry) => [entry, ...listImports(entry)]));
    const own = [...loaded].filter((file) => file.startsWith('dist/'));
    expect(own).toContain('dist/emulator/control/page.js');
    const isUsed = (file: string) =>
      readCode(file)
        .replaceAll(/^\s*\/\/.*$/gm, '')
        .includes('import.meta');
    expect(own.filter(isUsed)).toEqual([]);
    expect(isUsed('dist/emulator/control/page-files.js')).toBe(true);
  });

  it('mentions the emulator only in the emulator, the test kit, the command line and the doctor', () => {
    const code = files.filter((file) => /^dist\/.*\.(?:js|d\.ts)$/.test(file));
    const mentions = code.filter((file) => /emulator/i.test(readCode(file)));
    expect(mentions).toEqual(expect.arrayContaining(['dist/cli/emulator.js', 'dist/testing/test-kit.js']));
    expect(mentions.filter((file) => !/^dist\/(?:emulator|testing|cli|doctor)\//.test(file))).toEqual([]);
    expect(code).toEqual(expect.arrayContaining(['dist/index.js', 'dist/core/wire/facts.d.ts', 'dist/nest/index.js']));
  });
});

it('the documents and the changelog name the version of the package', () => {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { version: string };
  const text = readFileSync(join(ROOT, 'README.md'), 'utf8');
  const named = [...text.matchAll(/passport-genauth-(\d[\w.-]*)\.tgz/g)].map((match) => match[1]);
  expect(named.filter((each) => each !== version)).toEqual([]);
  const changes = readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8');
  expect(/^## (\d\S*) - \d{4}-\d{2}-\d{2}$/m.exec(changes)?.[1]).toBe(version);
});

it('the public types import only Nest and jose, except for OpenTelemetry', () => {
  const imports = readdirSync(join(ROOT, 'dist'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.d.ts') && !file.startsWith('otel/'))
    .flatMap((file) => [...readCode(`dist/${file}`).matchAll(/(?:from|import\()\s*['"]([^'"\n]+)['"]/g)])
    .map((match) => match[1] ?? '');
  // Types of Express, passport-custom or axios would tie every user to a version of those packages.
  expect([...new Set(imports.filter(isPackage))].sort()).toEqual(['@nestjs/common', '@nestjs/core', 'jose']);
});

describe('the entry point', () => {
  const listPackages = (file: string): string[] => listImports(file).filter((path) => !path.startsWith('dist/'));

  it.each([
    ['passport-genauth/client', 'client.js', ['axios', 'jose/key/import']],
    ['passport-genauth', 'index.js', ['axios', 'jose/key/import', 'passport', 'passport-custom']],
  ])('%s loads no framework', (_entry, file, packages) => {
    expect(listPackages(`dist/${file}`)).toEqual(packages);
  });

  it('passport-genauth/nest loads no private file of Nest and nothing of passport-genauth/nest/openapi', () => {
    const imports = listImports('dist/nest/index.js');
    const nest = imports.filter((path) => path.startsWith('@nestjs/'));
    expect(nest).toEqual(['@nestjs/common', '@nestjs/core', '@nestjs/passport']);
    expect(imports).toContain('dist/nest/genauth.guard.js');
    expect(imports.filter((path) => path.includes('openapi'))).toEqual([]);
  });

  it('passport-genauth/nest/openapi loads two private files of Nest', () => {
    const privateFiles = ['@nestjs/common/constants.js', '@nestjs/core/router/route-path-factory.js'];
    const imports = listPackages('dist/nest/openapi/index.js');
    expect(imports.filter((path) => /^@nestjs\/\w+\/./.test(path))).toEqual(privateFiles);
  });

  // A process under load can have too many open files, and after one failure Node.js 20 never loads a module again.
  it.each([
    ['no library', '', []],
    ['the library of SM2', "passwordEncryptType: 'sm2'", ['sm-crypto-v2']],
    ['SM2 of each sign-in', "signInOptions: { passwordEncryptType: 'sm2' }", ['sm-crypto-v2']],
    ['no SM2 without use', "passwordEncryptType: 'sm2', signInOptions: { passwordEncryptType: 'rsa' }", []],
    ['the throttle', 'loginThrottle: { account: { failures: 4, per: 900_000 } }', ['rate-limiter-flexible']],
    ['the encryption of a store', "refreshStore, storeSecret: 's'.repeat(32)", ['sealed-box.js']],
  ])('a new client of passport-genauth/client loads %s before the first login', async (_what, options, loaded) => {
    const code = `
      import { Session } from 'node:inspector';
      import { GenAuthClient } from './dist/client.js';
      const refreshStore = Object.fromEntries(['get', 'set', 'add', 'remove'].map((name) => [name, async () => {}]));
      const session = new Session();
      session.connect();
      session.on('Debugger.scriptParsed', ({ params }) => console.log(params.url));
      session.post('Debugger.enable');
      new GenAuthClient({ appId: 'app', appSecret: 'secret', appHost: 'https://127.0.0.1:9', ${options} });`;
    const child = startNode(['--input-type=module', '--eval', code]);
    expect(await child.ended).toBe(0);
    const libraries = ['sm-crypto-v2', 'rate-limiter-flexible', 'sealed-box.js'];
    expect(child.output()).toContain('dist/client.js');
    expect(libraries.filter((library) => child.output().includes(library))).toEqual(loaded);
  });
});
