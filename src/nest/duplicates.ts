import { readFileSync } from 'node:fs';
// Renamed, because the first line of an ES module that esbuild builds often declares `createRequire`.
import { createRequire as createRequireFrom } from 'node:module';
import { dirname, join } from 'node:path';

/** Files from which the packages of the application are resolved: in the folder of the program and of the process. */
const FILES: readonly string[] = [dirname(process.argv[1] ?? ''), process.cwd()].map((folder) => join(folder, 'x.js'));

/**
 * Returns the path of the `package.json` of a package, or `undefined` if the package cannot be found.
 *
 * `import.meta` is not used, because test frameworks that compile this file to CommonJS cannot load it.
 *
 * @param files - The files from which the package is resolved. The first file that finds it counts.
 */
function findManifest(name: string, files: readonly string[]): string | undefined {
  for (const file of files) {
    try {
      return createRequireFrom(file).resolve(`${name}/package.json`);
    } catch {
      // The package is not in the folder of this file or above it.
    }
  }
  return undefined;
}

/**
 * Returns the major version of a package of the application, or `undefined` if the package cannot be found.
 */
export function readMajorVersion(name: string): number | undefined {
  const manifest = findManifest(name, FILES);
  if (manifest === undefined) return undefined;
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  return Number.parseInt(version, 10);
}

/** Packages that must exist once, and the package of the application that must use the same copy as this package. */
const SHARED = [
  ['@nestjs/common', undefined],
  ['@nestjs/core', undefined],
  ['@nestjs/passport', undefined],
  ['passport', '@nestjs/passport'],
] as const;

/**
 * Finds packages that are installed twice: one copy that the application uses, and another copy that passport-genauth
 * uses. With two copies Nest finds no providers, and Passport finds no strategies. Copies that cannot be resolved are
 * not reported.
 *
 * @param files - Files from which the packages of the application are resolved.
 * @returns One sentence for each package.
 */
export function findDuplicates(files: readonly string[] = FILES): string[] {
  const own = findManifest('passport-genauth', files);
  return SHARED.flatMap(([name, user]) => {
    const userManifest = user === undefined ? undefined : findManifest(user, files);
    const from = user === undefined ? files : userManifest === undefined ? [] : [userManifest];
    const [ours, theirs] = [own === undefined ? undefined : findManifest(name, [own]), findManifest(name, from)];
    if (ours === undefined || theirs === undefined || ours === theirs) return [];
    const where = `passport-genauth uses ${dirname(ours)}, and ${user ?? 'the application'} uses ${dirname(theirs)}`;
    return [`${name} is installed twice: ${where}. Install one version, see npm ls ${name}.`];
  });
}
