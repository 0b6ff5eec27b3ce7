import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './support/process.js';

const readText = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const FOLDER = '.github/workflows';
const WORKFLOWS = new Map(readdirSync(join(ROOT, FOLDER)).map((file) => [file, readText(`${FOLDER}/${file}`)]));
const findAll = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, found = '']) => found);
const getText = (name: string): string => WORKFLOWS.get(name) ?? '';
const LOCAL = './.github/workflows/';

it('there are workflows for changes, for each night and for a release', () => {
  expect([...WORKFLOWS.keys()].sort()).toEqual(['ci.yml', 'full.yml', 'publish.yml']);
  expect(getText('ci.yml')).toContain('- run: bash .ci/run\n');
  expect(getText('full.yml')).toContain('cron:');
  expect(getText('publish.yml')).toMatch(/needs: ci\n[^]*npm publish .*--provenance/);
});

it('pins each action to a commit, with its version, and one action to one commit', () => {
  const uses = [...WORKFLOWS.values()].flatMap((text) => findAll(text, /\buses:\s*(.+)/g));
  const actions = uses.filter((value) => !value.startsWith(LOCAL));
  expect(actions.length).toBeGreaterThan(3);
  expect(actions.filter((value) => !/^[\w-]+\/[\w-]+@[\da-f]{40} # v\d+\.\d+\.\d+$/.test(value))).toEqual([]);
  const names = new Set(actions.map((value) => value.split('@')[0]));
  expect(new Set(actions).size).toBe(names.size);
  const called = uses.filter((value) => value.startsWith(LOCAL)).map((value) => value.slice(LOCAL.length));
  expect(called.filter((name) => !WORKFLOWS.has(name))).toEqual([]);
});

describe.each([...WORKFLOWS])('%s', (name, text) => {
  it('may only read the repository, and only a publication gets a token for npm', () => {
    expect(text).toMatch(/\npermissions:\n {2}contents: read\n(?! )/);
    const [, ...rest] = text.split('\npermissions:\n');
    expect(rest).toHaveLength(1);
    const granted = findAll(text, /^ +([\w-]+: (?:read|write|write-all|read-all))\b/gm);
    const publication = name === 'publish.yml' ? ['contents: read', 'id-token: write'] : [];
    expect(granted).toEqual(['contents: read', ...publication]);
    expect(text).not.toMatch(/secrets\.|pull_request_target|permissions: *\w/);
  });

  it('keeps no credentials in the clone, and puts no value of a request into a script', () => {
    const clones = findAll(text, /(actions\/checkout@)/g);
    expect(findAll(text, /(persist-credentials: false)/g)).toHaveLength(clones.length);
    expect(text).not.toMatch(/\$\{\{[^}]*(?:head_ref|github\.event\.)/);
    const scripts = findAll(text, /\brun:\s*(?!\|)(.+)/g).concat(findAll(text, /\brun: \|\n((?: {10}.*\n)+)/g));
    expect(scripts.filter((script) => /\$\{\{(?! matrix\.part \}\})/.test(script))).toEqual([]);
  });

  it('ends each of its own jobs at a time limit', () => {
    const jobs = findAll(text, /(\n {4}runs-on: )/g);
    expect(jobs.length).toBeGreaterThan(0);
    expect(findAll(text, /(timeout-minutes: \d+)/g)).toHaveLength(jobs.length);
  });
});

it('checks the versions of Node.js that the package supports', () => {
  const { engines } = JSON.parse(readText('package.json')) as { engines: { node: string } };
  const versions = findAll(findAll(getText('ci.yml'), /node: \[(.+)\]/g).join(), /'(\d+)'/g);
  const supported = findAll(engines.node, /(\d+)\.\d+\.\d+/g);
  expect(versions.slice(0, supported.length)).toEqual(supported);
  // .ci/run itself runs with the first version.
  expect(versions.slice(1).join(' ')).toBe(findAll(readText('.ci/full'), /for version in ([\d ]+);/g).join());
  expect(getText('ci.yml')).toContain('container: node:${{ matrix.node }}-bookworm\n');
  expect(getText('full.yml')).toContain(`container: node:${supported[0]}-bookworm\n`);
});

it('runs each part of .ci/full each night', () => {
  const [parts] = findAll(readText('.ci/full'), /\$\{@:-([\w ]+)\}/g);
  expect(findAll(getText('full.yml'), /part: \[(.+)\]/g)).toEqual([parts?.replaceAll(' ', ', ')]);
});

it('.editorconfig has the settings of the formatter', () => {
  const { printWidth } = JSON.parse(readText('.oxfmtrc.json')) as { printWidth: number };
  const settings = readText('.editorconfig');
  const defaults = ['indent_size = 2', 'indent_style = space', 'end_of_line = lf', 'insert_final_newline = true'];
  for (const line of [...defaults, `max_line_length = ${printWidth}`]) expect(settings).toContain(`\n${line}\n`);
});
