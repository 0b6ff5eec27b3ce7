import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readManifest } from '../../core/util/manifest.js';
import { type Observation, error, ok, warning } from '../report.js';

/** Facts about the process. Tests pass their own facts. */
export interface Runtime {
  /** The version of Node.js, without a `v`: `20.20.2`. */
  nodeVersion: string;
  /**
   * Whether `require()` can load ES modules. passport-genauth requires this. Every Node.js version in `engines` can do
   * it.
   */
  canRequireModules: boolean;
  /** The application's folder. The search for the application's packages begins in this folder. */
  folder: string;
}

/** Checks Node.js and the version of passport-genauth, and lists the versions of the installed peer dependencies. */
export async function checkRuntime({ nodeVersion, canRequireModules, folder }: Runtime): Promise<Observation[]> {
  const { version, engines, peerDependencies } = await readManifest();
  const problems: Observation[] = [];
  if (!canRequireModules) {
    problems.push(
      error('node_unsupported', `Node ${nodeVersion} cannot load ES modules by require().`, {
        impact: `The application may not start. passport-genauth ${version} requires Node ${engines.node}.`,
        fix: 'Install a supported version of Node: nvm install --lts',
      }),
    );
  }
  const own = await findVersion('passport-genauth', folder);
  if (own !== undefined && own !== version) {
    problems.push(
      warning(
        'package_other_version',
        `The application has passport-genauth ${own}, but this doctor is version ${version}.`,
        {
          impact: `The doctor checks how version ${version} works. Logins with version ${own} may work differently.`,
          fix: `Install the same version: npm install passport-genauth@${version}`,
        },
      ),
    );
  }
  if (problems.length > 0) return problems;
  const peers = await Promise.all(
    Object.keys(peerDependencies).map(async (name) => ({ name, found: await findVersion(name, folder) })),
  );
  const shown = peers.filter(({ found }) => found !== undefined).map(({ name, found }) => `${name} ${found}`);
  return [ok('runtime', `${[`Node ${nodeVersion}`, `passport-genauth ${version}`, ...shown].join(', ')}.`)];
}

/**
 * Returns the version of the package that Node.js would load from `folder`, or `undefined` if the package is not found.
 */
async function findVersion(name: string, folder: string): Promise<string | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const manifest = await readFile(join(at, 'node_modules', name, 'package.json'), 'utf8').catch(() => undefined);
    if (manifest !== undefined) return (JSON.parse(manifest) as { version: string }).version;
    if (dirname(at) === at) return undefined;
  }
}
