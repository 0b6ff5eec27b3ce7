import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

interface Room {
  /** Rooms, folders or single files of src that the room may import. A room may always import itself and Node. */
  own: readonly string[];
  packages: readonly string[];
}

/** The import table. A longer path is a room of its own within the shorter one. */
const ROOMS: Readonly<Record<string, Room>> = {
  'injection-tokens.ts': { own: [], packages: [] },
  core: { own: [], packages: ['axios', 'jose', 'sm-crypto-v2'] },
  web: { own: ['core'], packages: [] },
  passport: { own: ['web', 'core'], packages: ['passport-custom'] },
  express: { own: ['web', 'passport', 'core'], packages: ['passport'] },
  nest: {
    own: ['web', 'passport', 'core', 'injection-tokens.ts'],
    packages: [
      '@nestjs/common',
      '@nestjs/core',
      '@nestjs/passport',
      // Loaded by `import()`, where a gateway or a microservice has them.
      '@nestjs/microservices',
      '@nestjs/websockets',
      'passport',
      'rxjs',
    ],
  },
  'nest/openapi': { own: ['nest', 'web', 'core'], packages: ['@nestjs/common', '@nestjs/core'] },
  emulator: { own: ['core/wire/facts.ts'], packages: ['express', 'jose', 'node-forge', 'sm-crypto'] },
  testing: { own: ['emulator', 'core', 'injection-tokens.ts'], packages: [] },
  doctor: { own: ['core'], packages: [] },
  cli: { own: ['doctor', 'emulator', 'core'], packages: [] },
  'client.ts': { own: ['core'], packages: [] },
  'index.ts': { own: ['client.ts', 'web', 'passport', 'express'], packages: [] },
};

/** Packages that only a single file may import. */
const ONE_FILE: Readonly<Record<string, string>> = {
  axios: 'core/http/http.ts',
  'sm-crypto-v2': 'core/sign-in/password-encryption.ts',
  // The other side's cryptography, so that no mistake is shared.
  'sm-crypto': 'emulator/encryption/sm2-key.ts',
  'node-forge': 'emulator/encryption/rsa-key.ts',
  'passport-custom': 'passport/genauth.strategy.ts',
  '@nestjs/microservices': 'nest/contexts/rpc.ts',
  '@nestjs/websockets': 'nest/contexts/websocket.ts',
};

/** Folders of a room that may import only some of the room's other folders and files. */
const FOLDERS: Readonly<Record<string, readonly string[]>> = {
  'core/util': [],
  'core/wire': ['core/util'],
  'core/http': ['core/util', 'core/errors.ts'],
  'core/tokens': [
    'core/util',
    'core/wire',
    'core/http',
    'core/oidc/app-secret.ts',
    'core/options/types.ts',
    'core/errors.ts',
    'core/scopes.ts',
    'core/sign-in/outcome.ts',
  ],
  'core/oidc': [
    'core/util',
    'core/wire',
    'core/http',
    'core/options/types.ts',
    'core/tokens/token-digest.ts',
    'core/errors.ts',
  ],
  'nest/contexts': ['core', 'web', 'nest/genauth.exception.ts'],
  'doctor/checks': [
    'core',
    'doctor/console-pages.ts',
    'doctor/context.ts',
    'doctor/environment.ts',
    'doctor/report.ts',
  ],
  'emulator/input': ['emulator/errors.ts'],
  'emulator/users': ['core/wire', 'emulator/input', 'emulator/state', 'emulator/errors.ts', 'emulator/options.ts'],
  'emulator/tokens': ['core/wire', 'emulator/state', 'emulator/users', 'emulator/options.ts'],
  'emulator/encryption': ['emulator/errors.ts', 'emulator/optional-dependency.ts'],
  'emulator/state': [
    'core/wire',
    'emulator/input',
    'emulator/users',
    'emulator/tokens',
    'emulator/encryption',
    'emulator/errors.ts',
    'emulator/options.ts',
  ],
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

function isWithin(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function findRoom(path: string): string | undefined {
  return Object.keys(ROOMS)
    .filter((name) => isWithin(path, name))
    .sort((left, right) => right.length - left.length)[0];
}

/** Returns `null` if the import is allowed, else the reason why it is not. */
function judge(file: string, specifier: string): string | null {
  const inside = file.slice('src/'.length);
  const roomName = findRoom(inside);
  const room = ROOMS[roomName ?? ''];
  if (roomName === undefined || room === undefined) return `${file} is in no room of the table`;
  if (specifier.startsWith('node:')) return null;
  if (!specifier.startsWith('.')) {
    const name = specifier.startsWith('@') ? specifier.split('/', 2).join('/') : (specifier.split('/', 1)[0] ?? '');
    if (!room.packages.includes(name)) return `${roomName} may not use ${name}`;
    // Nest promises nothing of its other files.
    if (name.startsWith('@nestjs/') && specifier !== name && roomName !== 'nest/openapi') {
      return `only nest/openapi may use ${specifier}`;
    }
    const only = ONE_FILE[name];
    return only === undefined || only === inside ? null : `only ${only} may use ${name}`;
  }
  const target = posix.join(dirname(inside), specifier).replace(/\.js$/, '.ts');
  if (findRoom(target) !== roomName && !room.own.some((allowed) => isWithin(target, allowed))) {
    return `${roomName} may not import ${target}`;
  }
  if (isWithin(target, 'nest/openapi') && roomName !== 'nest/openapi') return `${target} is an entry of its own`;
  const folder = inside.split('/', 2).join('/');
  const allowed = FOLDERS[folder];
  if (allowed === undefined || isWithin(target, folder)) return null;
  return allowed.some((each) => isWithin(target, each)) ? null : `${folder} may not import ${target}`;
}

it('every import of the sources follows the table', () => {
  const files = listFiles('src');
  expect(files.length).toBeGreaterThan(100);
  const offenders = files.flatMap((file) =>
    listImports(file).flatMap((specifier) => {
      const reason = judge(file, specifier);
      return reason === null ? [] : [`${file}: ${reason}`];
    }),
  );
  expect(offenders).toEqual([]);
});

it.each([
  ['src/core/client.ts', '../web/refusal.js'],
  ['src/core/client.ts', '@nestjs/common'],
  ['src/core/client.ts', 'axios'],
  ['src/core/client.ts', 'sm-crypto-v2'],
  ['src/core/client.ts', '../injection-tokens.js'],
  ['src/core/tokens/jwks.ts', '../sign-in/request.js'],
  ['src/core/http/http.ts', '../oidc/app-secret.js'],
  ['src/core/oidc/app-secret.ts', '../tokens/jwks.js'],
  ['src/nest/contexts/rpc.ts', '../genauth.guard.js'],
  ['src/doctor/checks/keys.ts', '../run-doctor.js'],
  ['src/emulator/users/accounts.ts', '../http/server.js'],
  ['src/core/util/lru-map.ts', '../errors.js'],
  ['src/core/sign-in/password-encryption.ts', 'sm-crypto'],
  ['src/core/sign-in/password-encryption.ts', 'node-forge'],
  ['src/web/refusal.ts', '../passport/genauth.strategy.js'],
  ['src/web/refusal.ts', 'passport'],
  ['src/passport/genauth.strategy.ts', '../express/answer-json.js'],
  ['src/express/require-auth.ts', '../nest/genauth.guard.js'],
  ['src/nest/genauth.guard.ts', '../express/answer-json.js'],
  ['src/nest/genauth.guard.ts', '../emulator/index.js'],
  ['src/nest/genauth.guard.ts', './openapi/openapi.js'],
  ['src/nest/genauth.guard.ts', '@nestjs/websockets'],
  ['src/nest/genauth.guard.ts', '@nestjs/common/constants.js'],
  ['src/nest/openapi/openapi.ts', '@nestjs/swagger'],
  ['src/emulator/encryption/sm2-key.ts', 'sm-crypto-v2'],
  ['src/emulator/encryption/sm2-key.ts', '../../core/sign-in/password-encryption.js'],
  ['src/emulator/tokens/issue-tokens.ts', '../../core/tokens/token-verifier.js'],
  ['src/emulator/tokens/issue-tokens.ts', '../../core/wire/parse.js'],
  ['src/emulator/tokens/issue-tokens.ts', 'axios'],
  ['src/emulator/state/state.ts', '../sign-in/sign-in.js'],
  ['src/emulator/state/captchas.ts', '../http/operation.js'],
  ['src/doctor/context.ts', '../emulator/index.js'],
  ['src/client.ts', './passport/genauth.strategy.js'],
  ['src/index.ts', './nest/index.js'],
  ['src/cli/main.ts', '../web/refusal.js'],
  ['src/other/file.ts', 'node:fs'],
])('refuses an import in %s of %s', (file, specifier) => {
  expect(judge(file, specifier)).toEqual(expect.any(String));
});

it('the sample app imports the package only by its public name', () => {
  const imports = listFiles('sample-app').flatMap(listImports);
  expect(imports).toContain('passport-genauth');
  expect(imports.filter((specifier) => /\bsrc\b|\.\.\/\.\./.test(specifier))).toEqual([]);
});
