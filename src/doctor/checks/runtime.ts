import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Manifest, readManifest } from '../../core/util/manifest.js';
import { type Observation, error, ok, warning } from '../report.js';

/** What this process is, which tests replace. */
export interface Runtime {
  /** `20.20.2` */
  nodeVersion: string;
  /** The application's, where its packages are looked for. */
  folder: string;
}

/** Node's version and those of the packages that the application has beside this one. */
export async function checkRuntime({ nodeVersion, folder }: Runtime): Promise<Observation[]> {
  const manifest = await readManifest();
  const { version, engines, peerDependencies } = manifest;
  const peers = await Promise.all(
    Object.entries(peerDependencies).map(async ([name, range]) => ({
      name,
      range,
      found: await findVersion(name, folder),
    })),
  );
  const installed = peers.flatMap(({ name, range, found }) => (found === undefined ? [] : [{ name, range, found }]));
  const own = await findVersion('passport-genauth', folder);
  const problems = [
    ...(satisfies(nodeVersion, engines.node) ? [] : [nodeUnsupported(nodeVersion, manifest)]),
    ...installed
      .filter(({ range, found }) => !satisfies(found, range))
      .map(({ name, range, found }) =>
        warning('package_unsupported', `${name} is ${found}.`, {
          why: `passport-genauth ${version} is made for ${range}, and tested with nothing else.`,
          mend: `npm install ${name}@"${range}"`,
        }),
      ),
    ...(own === undefined || own === version
      ? []
      : [
          warning('package_other_version', `The application has passport-genauth ${own}, and this is ${version}.`, {
            why: 'The doctor examines as this version would work, not as that one does.',
            mend: `npm install passport-genauth@${version}`,
          }),
        ]),
  ];
  if (problems.length > 0) return problems;
  const shown = installed.map(({ name, found }) => `${name} ${found}`);
  return [ok('runtime', `${[`Node ${nodeVersion}`, `passport-genauth ${version}`, ...shown].join(', ')}.`)];
}

function nodeUnsupported(nodeVersion: string, { version, engines }: Manifest): Observation {
  return error('node_unsupported', `Node is ${nodeVersion}.`, {
    why: `passport-genauth ${version} needs ${engines.node}.`,
    mend: 'nvm install --lts',
  });
}

async function findVersion(name: string, folder: string): Promise<string | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const manifest = await readFile(join(at, 'node_modules', name, 'package.json'), 'utf8').catch(() => undefined);
    if (manifest !== undefined) return (JSON.parse(manifest) as { version: string }).version;
    if (dirname(at) === at) return undefined;
  }
}

/** The two forms of ranges that our own manifest has, `^1.2.3` and `>=1.2.3`, with `||` between them. */
export function satisfies(version: string, range: string): boolean {
  const actual = parseVersion(version);
  return range.split('||').some((part) => {
    const least = parseVersion(part);
    if (compare(actual, least) < 0) return false;
    if (!part.trim().startsWith('^')) return true;
    // Up to the first number that is not 0 a caret holds on to.
    const held = least.findIndex((number) => number !== 0) + 1;
    return compare(actual.slice(0, held), least.slice(0, held)) === 0;
  });
}

function parseVersion(text: string): number[] {
  return (/(\d+)\.(\d+)\.(\d+)/.exec(text) ?? []).slice(1).map(Number);
}

function compare(left: readonly number[], right: readonly number[]): number {
  return left.map((number, i) => number - (right[i] ?? 0)).find((difference) => difference !== 0) ?? 0;
}
