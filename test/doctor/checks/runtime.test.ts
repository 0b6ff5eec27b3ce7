import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readManifest } from '../../../src/core/util/manifest.js';
import { checkRuntime } from '../../../src/doctor/checks/runtime.js';
import { makeFolder } from '../../cli/support.js';
import { expectFindings } from '../support.js';

const { version, engines, peerDependencies } = await readManifest();

/** Checks a folder in which this version of passport-genauth and an old passport are installed. */
async function check(installed: string, canRequireModules: boolean) {
  const folder = await makeFolder();
  for (const [name, own] of Object.entries({ 'passport-genauth': installed, passport: '0.5.3' })) {
    await mkdir(join(folder, 'node_modules', name), { recursive: true });
    await writeFile(join(folder, 'node_modules', name, 'package.json'), JSON.stringify({ version: own }));
  }
  const found = await checkRuntime({ nodeVersion: '20.1.0', canRequireModules, folder });
  await rm(folder, { recursive: true });
  return found;
}

test('reports a Node that cannot load ES modules by require(), and another version in the application', async () => {
  const found = await check('9.9.9', false);
  expectFindings(found, ['node_unsupported', 'package_other_version'], `npm install passport-genauth@${version}`);
  expect(found[0]).toMatchObject({ impact: expect.stringContaining(`requires Node ${engines.node}.`) });
});

test('lists Node, this package and the installed peer dependencies, also those of a parent folder', async () => {
  const found = await check(version, true);
  expectFindings(found, 'ok runtime', 'passport 0.5.3');
  const names = ['Node', 'passport-genauth', ...Object.keys(peerDependencies)];
  expect(found[0]?.message.replaceAll(/ \d[\d.]*\d/g, '')).toBe(`${names.join(', ')}.`);
});
