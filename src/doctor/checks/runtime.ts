import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { readManifest } from '../../core/util/manifest.js';
import { type Observation, error, ok, warning } from '../report.js';

/** The process, which tests replace. */
export interface Runtime {
  /** `20.20.2` */
  nodeVersion: string;
  /** Whether `require()` loads ES modules, as the package needs it. Every version that `engines` allows can. */
  canRequireModules: boolean;
  /** The application's folder, where its packages are looked for. */
  folder: string;
}

/**
 * Checks Node and the version of this package. Lists the versions of the packages that the application has beside it.
 */
export async function checkRuntime({ nodeVersion, canRequireModules, folder }: Runtime): Promise<Observation[]> {
  const { version, engines, peerDependencies } = await readManifest();
  const problems: Observation[] = [];
  if (!canRequireModules) {
    problems.push(
      error('node_unsupported', `Node ${nodeVersion} cannot load ES modules by require().`, {
        impact: `passport-genauth ${version} requires Node ${engines.node}.`,
        fix: 'nvm install --lts',
      }),
    );
  }
  const own = await findVersion('passport-genauth', folder);
  if (own !== undefined && own !== version) {
    problems.push(
      warning('package_other_version', `The application has passport-genauth ${own}, but the doctor is ${version}.`, {
        impact: `The doctor checks what version ${version} would do, which may differ from version ${own}.`,
        fix: `npm install passport-genauth@${version}`,
      }),
    );
  }
  if (problems.length > 0) return problems;
  const peers = await Promise.all(
    Object.keys(peerDependencies).map(async (name) => ({ name, found: await findVersion(name, folder) })),
  );
  const shown = peers.filter(({ found }) => found !== undefined).map(({ name, found }) => `${name} ${found}`);
  return [ok('runtime', `${[`Node ${nodeVersion}`, `passport-genauth ${version}`, ...shown].join(', ')}.`)];
}

/** The version of a package as Node would find it from that folder. */
async function findVersion(name: string, folder: string): Promise<string | undefined> {
  for (let at = folder; ; at = dirname(at)) {
    const manifest = await readFile(join(at, 'node_modules', name, 'package.json'), 'utf8').catch(() => undefined);
    if (manifest !== undefined) return (JSON.parse(manifest) as { version: string }).version;
    if (dirname(at) === at) return undefined;
  }
}
