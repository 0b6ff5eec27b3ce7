import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readManifest } from '../../../src/core/util/manifest.js';
import { checkRuntime } from '../../../src/doctor/checks/runtime.js';
import { makeFolder } from '../../cli/support.js';
import { expectFindings } from '../support.js';

const { version, engines, peerDependencies } = await readManifest();
let folder: string;
beforeEach(async () => {
  folder = await makeFolder();
});
afterEach(() => rm(folder, { recursive: true }));

async function install(name: string, installed: string): Promise<void> {
  await mkdir(join(folder, 'node_modules', name), { recursive: true });
  await writeFile(join(folder, 'node_modules', name, 'package.json'), JSON.stringify({ version: installed }));
}
const check = (canRequireModules = true) => checkRuntime({ nodeVersion: '20.1.0', canRequireModules, folder });

test('reports a Node that cannot load ES modules by require()', async () => {
  const found = await check(false);
  expectFindings(found, 'node_unsupported', 'Node 20.1.0 cannot load ES modules by require().');
  expect(found).toMatchObject([{ impact: expect.stringContaining(`requires Node ${engines.node}.`) }]);
});

test('warns about another version of this package in the application', async () => {
  await install('passport-genauth', '9.9.9');
  expectFindings(await check(), 'package_other_version', `npm install passport-genauth@${version}`);
});

test('lists Node, this package and the installed peer dependencies, also those of a parent folder', async () => {
  await install('passport-genauth', version);
  await install('passport', '0.5.3');
  const found = await check();
  expectFindings(found, 'ok runtime', 'passport 0.5.3');
  const names = ['Node', 'passport-genauth', ...Object.keys(peerDependencies)];
  expect(found[0]?.message.replaceAll(/ \d[\d.]*\d/g, '')).toBe(`${names.join(', ')}.`);
});
