import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, posix, relative } from 'node:path';

const ROOT = join(import.meta.dirname, '..');

interface Room {
  /** Rooms, or single files, of this project. */
  own: readonly string[];
  packages: readonly string[];
}

/** Who may import whom: the arrows of the house. A room may always import itself and Node. */
const ROOMS: Readonly<Record<string, Room>> = {
  core: { own: [], packages: ['axios', 'jose', 'sm-crypto-v2'] },
  passport: { own: ['core'], packages: ['passport', 'passport-custom'] },
  nest: {
    own: ['passport', 'core'],
    packages: [
      '@nestjs/common',
      '@nestjs/core',
      '@nestjs/passport',
      // Where a gateway or a microservice runs they are there; `import()` loads them no sooner.
      '@nestjs/microservices',
      '@nestjs/websockets',
      'passport',
      'rxjs',
    ],
  },
  testing: { own: ['emulator', 'core'], packages: [] },
  emulator: { own: ['core/wire.ts'], packages: ['express', 'jose', 'ldapts', 'node-forge', 'sm-crypto'] },
  cli: { own: ['emulator', 'core'], packages: [] },
  'index.ts': { own: ['core', 'passport'], packages: [] },
};

/** Packages that one file alone may use. */
const ONE_FILE: Readonly<Record<string, string>> = {
  axios: 'core/http.ts',
  'sm-crypto-v2': 'core/password-encryption.ts',
  // The other side's cryptography, so that no mistake is shared.
  'sm-crypto': 'emulator/sm2-key.ts',
  'node-forge': 'emulator/rsa-key.ts',
  ldapts: 'emulator/active-directory.ts',
  'passport-custom': 'passport/genauth.strategy.ts',
  '@nestjs/microservices': 'nest/request-context.ts',
  '@nestjs/websockets': 'nest/request-context.ts',
};

function listFiles(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll('\\', '/'));
}

function listImports(file: string): string[] {
  const source = readFileSync(join(ROOT, file), 'utf8');
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s[^'";]*?from\s+'([^']+)'|(?:^|\n)import\s+'([^']+)'|import\(\s*'([^']+)'\s*\)/g;
  return [...source.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

/** `null` where the import is allowed, else the reason why not. */
function judge(file: string, specifier: string): string | null {
  const inside = file.slice('src/'.length);
  const roomName = inside.includes('/') ? (inside.split('/', 1)[0] ?? '') : inside;
  const room = ROOMS[roomName];
  if (room === undefined) return `there is no room "${roomName}"`;
  if (specifier.startsWith('node:')) return null;
  if (!specifier.startsWith('.')) {
    const name = specifier.startsWith('@') ? specifier.split('/', 2).join('/') : (specifier.split('/', 1)[0] ?? '');
    if (!room.packages.includes(name)) return `${roomName} may not use ${name}`;
    const only = ONE_FILE[name];
    return only === undefined || only === inside ? null : `only ${only} may use ${name}`;
  }
  const target = posix.join(dirname(inside), specifier).replace(/\.js$/, '.ts');
  if (roomName !== 'index.ts' && target.startsWith(`${roomName}/`)) return null;
  return room.own.some((allowed) => target === allowed || target.startsWith(`${allowed}/`))
    ? null
    : `${roomName} may not import ${target}`;
}

describe('who may import whom', () => {
  const files = listFiles('src');

  it('finds the sources and their imports', () => {
    expect(files.length).toBeGreaterThan(30);
    expect(files.flatMap(listImports).length).toBeGreaterThan(100);
  });

  it.each(files)('%s', (file) => {
    const broken = listImports(file)
      .map((specifier) => judge(file, specifier))
      .filter((reason) => reason !== null);
    expect(broken).toEqual([]);
  });

  it.each([
    ['src/core/client.ts', '../passport/outcome.js'],
    ['src/core/client.ts', '@nestjs/common'],
    ['src/core/client.ts', 'axios'],
    ['src/core/client.ts', 'sm-crypto-v2'],
    ['src/core/password-encryption.ts', 'sm-crypto'],
    ['src/core/password-encryption.ts', 'node-forge'],
    ['src/emulator/sm2-key.ts', 'sm-crypto-v2'],
    ['src/emulator/sm2-key.ts', '../core/password-encryption.js'],
    ['src/passport/outcome.ts', '../nest/genauth.guard.js'],
    ['src/passport/outcome.ts', '../emulator/index.js'],
    ['src/nest/genauth.guard.ts', '../emulator/index.js'],
    ['src/nest/genauth.guard.ts', '@nestjs/websockets'],
    ['src/nest/openapi.ts', '@nestjs/swagger'],
    ['src/emulator/tokens.ts', '../core/token-verifier.js'],
    ['src/emulator/tokens.ts', 'axios'],
    ['src/index.ts', './nest/index.js'],
    ['src/cli/main.ts', '../passport/outcome.js'],
  ])('would refuse %s importing %s', (file, specifier) => {
    expect(judge(file, specifier)).toEqual(expect.any(String));
  });
});

it('the sample app imports the package by its public name alone', () => {
  const imports = listFiles('sample-app').flatMap(listImports);
  expect(imports).toContain('passport-genauth');
  expect(imports.filter((specifier) => /\bsrc\b|\.\.\/\.\./.test(specifier))).toEqual([]);
});
