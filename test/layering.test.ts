import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';
import ts from 'typescript';

const ROOT = join(import.meta.dirname, '..');

/**
 * The import table: the rooms and files of src that a room may import, and the packages. A room may always import
 * itself and Node. A longer path is a room of its own within the shorter one.
 */
const ROOMS: Readonly<Record<string, readonly [own: string, packages?: string]>> = {
  'injection-tokens.ts': [''],
  stores: [''],
  'stores/redis': ['stores', 'rate-limiter-flexible'],
  core: ['stores', 'axios jose sm-crypto-v2 rate-limiter-flexible'],
  web: ['core'],
  passport: ['web core', 'passport-custom'],
  express: ['web passport core', 'passport'],
  nest: [
    'web passport core injection-tokens.ts',
    // The last two are loaded by `import()`, where a gateway or a microservice has them.
    '@nestjs/common @nestjs/core @nestjs/passport passport rxjs on-headers @nestjs/microservices @nestjs/websockets',
  ],
  'nest/openapi': ['nest web core', '@nestjs/common @nestjs/core'],
  'nest/redirect': [
    'nest nest/openapi/routes.ts redirect passport core injection-tokens.ts',
    '@nestjs/common @nestjs/core',
  ],
  redirect: ['web passport express core'],
  otel: ['core/events.ts', '@opentelemetry/api'],
  emulator: ['core/wire/facts.ts', 'express jose node-forge sm-crypto'],
  // The list of Nest's routes is loaded by `import()`, for an application of Nest.
  testing: ['emulator core nest/openapi/routes.ts injection-tokens.ts'],
  doctor: ['core'],
  cli: ['doctor emulator core'],
  'client.ts': ['core stores'],
  'index.ts': ['client.ts web passport express'],
};

/** Packages that only these files may import. */
const ONE_FILE: Readonly<Record<string, string>> = {
  axios: 'core/http/http.ts',
  'sm-crypto-v2': 'core/sign-in/password-encryption.ts',
  // The other side's cryptography, so that no mistake is shared.
  'sm-crypto': 'emulator/optional-packages.ts',
  'node-forge': 'emulator/optional-packages.ts emulator/encryption/certificates.ts',
  'passport-custom': 'passport/genauth.strategy.ts',
  '@nestjs/microservices': 'nest/contexts/rpc.ts',
  '@nestjs/websockets': 'nest/contexts/websocket.ts',
};

/** Folders of a room that may import only some of the room's other folders and files. */
const FOLDERS: Readonly<Record<string, string>> = {
  'core/util': '',
  'core/wire': 'core/util',
  'core/http': 'core/util core/wire/facts.ts core/errors.ts core/events.ts',
  'core/tokens':
    'core/util core/wire core/http core/oidc/app-secret.ts core/options/types.ts core/errors.ts core/scopes.ts ' +
    'core/events.ts core/sign-in/outcome.ts',
  'core/oidc':
    'core/util core/wire core/http core/options/types.ts core/tokens/token-digest.ts core/tokens/received-tokens.ts ' +
    'core/errors.ts core/guarded-store.ts stores',
  'nest/contexts': 'core web nest/genauth.exception.ts nest/response-headers.ts',
  'doctor/checks':
    'core doctor/console-pages.ts doctor/context.ts doctor/environment.ts doctor/probe.ts doctor/report.ts',
  'emulator/input': 'emulator/errors.ts',
  'emulator/users': 'core/wire emulator/input emulator/state emulator/errors.ts emulator/options.ts',
  'emulator/tokens': 'core/wire emulator/state emulator/users emulator/options.ts',
  'emulator/encryption': 'emulator/errors.ts emulator/optional-packages.ts',
  'emulator/state':
    'core/wire emulator/input emulator/users emulator/tokens emulator/encryption emulator/errors.ts ' +
    'emulator/options.ts',
};

function listFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
}

function listImports(file: string): string[] {
  // Examples in doc comments import the package itself.
  const source = readFileSync(join(ROOT, file), 'utf8').replaceAll(/\/\*[^]*?\*\//g, '');
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s[^'";]*?from\s+'([^']+)'|(?:^|\n)import\s+'([^']+)'|import\(\s*'([^']+)'\s*\)/g;
  return [...source.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

const isWithin = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);
const isAllowed = (path: string, list: string): boolean => list.split(' ').some((each) => isWithin(path, each));

const { dependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  dependencies: Record<string, string>;
};
const toPackageName = (specifier: string): string => /^(@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? '';

/** Whether a node stands in the block of a `try` with a `catch`, and in the same function as this block. */
function isTried({ parent }: ts.Node, node: ts.Node): boolean {
  if (parent === undefined || ts.isFunctionLike(node)) return false;
  return (
    (ts.isTryStatement(parent) && parent.tryBlock === node && parent.catchClause !== undefined) ||
    isTried(parent, parent)
  );
}

/**
 * Lists the packages that a source code loads with `import()` outside a `try`, without the packages that npm always
 * installs. Bundlers end with an error if such a package is missing.
 */
function listUntriedImports(code: string): string[] {
  const untried: string[] = [];
  const visit = (node: ts.Node): void => {
    node.forEachChild(visit);
    if (!ts.isCallExpression(node) || node.expression.kind !== ts.SyntaxKind.ImportKeyword) return;
    const [argument] = node.arguments;
    const specifier = argument !== undefined && ts.isStringLiteralLike(argument) ? argument.text : '(not a literal)';
    if (/^(\.|node:)/.test(specifier) || Object.hasOwn(dependencies, toPackageName(specifier))) return;
    if (!isTried(node, node)) untried.push(specifier);
  };
  visit(ts.createSourceFile('file.ts', code, ts.ScriptTarget.ES2023, true));
  return untried;
}

function findRoom(path: string): string | undefined {
  return Object.keys(ROOMS)
    .filter((name) => isWithin(path, name))
    .sort((left, right) => right.length - left.length)[0];
}

/** Returns `null` if the import is allowed, else the reason why it is not. */
function judge(inside: string, specifier: string): string | null {
  const roomName = findRoom(inside) ?? '';
  const room = ROOMS[roomName];
  if (room === undefined) return `${inside} is in no room of the table`;
  const [own, packages = ''] = room;
  if (specifier.startsWith('node:')) return null;
  if (!specifier.startsWith('.')) {
    const name = toPackageName(specifier);
    if (!packages.split(' ').includes(name)) return `${roomName} may not use ${name}`;
    // Nest promises nothing of its other files.
    if (name.startsWith('@nestjs/') && specifier !== name && roomName !== 'nest/openapi') {
      return `only nest/openapi may use ${specifier}`;
    }
    const only = ONE_FILE[name];
    return only === undefined || only.split(' ').includes(inside) ? null : `only ${only} may use ${name}`;
  }
  const target = posix.join(dirname(inside), specifier).replace(/\.js$/, '.ts');
  if (findRoom(target) !== roomName && !isAllowed(target, own)) return `${roomName} may not import ${target}`;
  const folder = inside.split('/', 2).join('/');
  const allowed = FOLDERS[folder];
  if (allowed === undefined || isWithin(target, folder) || isAllowed(target, allowed)) return null;
  return `${folder} may not import ${target}`;
}

it('every import of the sources follows the table', () => {
  const files = listFiles('src');
  expect(files.length).toBeGreaterThan(100);
  const judged = files.flatMap((file) =>
    listImports(file).map((specifier) => [file, judge(file.slice('src/'.length), specifier)]),
  );
  expect(judged.length).toBeGreaterThan(500);
  expect(judged.filter(([, reason]) => reason !== null)).toEqual([]);
});

it('every package that may be missing is loaded by an import() inside a try, as bundlers require', () => {
  const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
  const optional = listFiles('src').filter((file) => /import\(\s*'(?!\.|node:)/.test(read(file)));
  expect(optional).toEqual(expect.arrayContaining(['src/emulator/optional-packages.ts', 'src/nest/contexts/rpc.ts']));
  const found = listFiles('src').flatMap((file) => listUntriedImports(read(file)).map((name) => [file, name]));
  expect(found).toEqual([]);
});

it.each([
  ["await import('ws');", ['ws']],
  ["const load = () => import('@nestjs/websockets');", ['@nestjs/websockets']],
  ["await import('ws').catch(() => {});", ['ws']],
  ["try { await load(() => import('ws/lib/x.js')); } catch {}", ['ws/lib/x.js']],
  ["try { x(); } catch { await import('ws'); }", ['ws']],
  ["try { await import('ws'); } finally { x(); }", ['ws']],
  ['try { x(); } catch {} await import(name);', ['(not a literal)']],
  ["try { if (x) { const { y } = await import('ws'); } } catch {}", []],
  ["await import('jose/jwt/sign'); await import('./ws.js'); await import('node:fs');", []],
])('finds in %s the packages %j that stop a bundler', (code, names) => {
  expect(listUntriedImports(code)).toEqual(names);
});

it.each([
  ['core/client.ts', '../web/refusal.js', 'core may not import web/refusal.ts'],
  ['core/client.ts', '@nestjs/common', 'core may not use @nestjs/common'],
  ['core/client.ts', 'axios/lib/axios.js', 'only core/http/http.ts may use axios'],
  ['core/tokens/jwks.ts', '../sign-in/request.js', 'core/tokens may not import core/sign-in/request.ts'],
  ['core/util/lru-map.ts', '../errors.js', 'core/util may not import core/errors.ts'],
  ['nest/genauth.guard.ts', './openapi/openapi.js', 'nest may not import nest/openapi/openapi.ts'],
  ['nest/genauth.guard.ts', '@nestjs/common/constants.js', 'only nest/openapi may use @nestjs/common/constants.js'],
  ['emulator/state/state.ts', '../../core/wire/parse.js', 'emulator may not import core/wire/parse.ts'],
  ['other/file.ts', 'node:fs', 'other/file.ts is in no room of the table'],
])('refuses an import in %s of %s', (file, specifier, reason) => {
  expect(judge(file, specifier)).toBe(reason);
});

it('the sample app imports the package only by its public name', () => {
  const imports = listFiles('sample-app').flatMap(listImports);
  expect(imports).toContain('passport-genauth');
  expect(imports.filter((specifier) => /\bsrc\b|\.\.\/\.\./.test(specifier))).toEqual([]);
});
