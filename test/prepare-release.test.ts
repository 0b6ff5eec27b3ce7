import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './support/process.js';

const SCRIPT = join(ROOT, '.ci/prepare-release.mjs');
const folder = mkdtempSync(join(tmpdir(), 'genauth-release-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Writes package.json as it is before its first preparation. */
function writeManifest(): void {
  const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Record<string, unknown>;
  for (const name of Object.keys(PREPARED)) delete manifest[name];
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
}

beforeEach(() => {
  writeManifest();
  rmSync(join(folder, '.git'), { recursive: true, force: true });
  execFileSync('git', ['init', '-q'], { cwd: folder });
});

const readText = (): string => readFileSync(join(folder, 'package.json'), 'utf8');

function prepare(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, [SCRIPT, ...args], { cwd: folder, encoding: 'utf8' });
}

const AUTHOR = ['--author', 'Ada Example <ada@acme.dev>'] as const;
const PREPARED = {
  homepage: 'https://github.com/acme/passport-genauth#readme',
  bugs: { url: 'https://github.com/acme/passport-genauth/issues' },
  author: 'Ada Example <ada@acme.dev>',
  repository: { type: 'git', url: 'git+https://github.com/acme/passport-genauth.git' },
};

it.each([
  'https://github.com/acme/passport-genauth',
  'https://github.com/acme/passport-genauth/',
  'https://github.com/acme/passport-genauth.git',
  'git+https://github.com/acme/passport-genauth.git',
  'git@github.com:acme/passport-genauth.git',
  'ssh://git@github.com/acme/passport-genauth.git',
  'ssh://git@github.com:22/acme/passport-genauth',
])('writes the four members from %s, as an argument and as the remote', (address) => {
  expect(prepare('--repository', address, ...AUTHOR)).toMatchObject({ status: 0, stderr: '' });
  expect(JSON.parse(readText())).toMatchObject(PREPARED);
  const byArgument = readText();
  writeManifest();
  execFileSync('git', ['remote', 'add', 'origin', address], { cwd: folder });
  expect(prepare(...AUTHOR).status).toBe(0);
  expect(readText()).toBe(byArgument);
});

it('keeps groups, other members and the format, and changes nothing when it is repeated', () => {
  const before = JSON.parse(readText()) as Record<string, unknown>;
  expect(prepare('--repository', 'git@gitlab.com:acme/web/auth.git', '--author', 'Acme').status).toBe(0);
  const first = readText();
  const after = JSON.parse(first) as Record<string, unknown>;
  const page = 'https://gitlab.com/acme/web/auth';
  const written = { homepage: `${page}#readme`, bugs: { url: `${page}/issues` }, author: 'Acme' };
  expect(after).toEqual({ ...before, ...written, repository: { type: 'git', url: `git+${page}.git` } });
  const format = spawnSync(process.execPath, [join(ROOT, 'node_modules/oxfmt/bin/oxfmt'), '--check', 'package.json'], {
    cwd: folder,
    encoding: 'utf8',
  });
  expect(format).toMatchObject({ status: 0 });
  // The author is in the file now.
  const { status, stdout } = prepare('--repository', 'git@gitlab.com:acme/web/auth.git');
  expect([status, readText()]).toEqual([0, first]);
  expect(stdout).toContain(`homepage: ${page}#readme\n`);
});

describe('refuses, names the value and the fix, and leaves the file as it is:', () => {
  const form = 'write it as https://HOST/OWNER/NAME, git@HOST:OWNER/NAME.git or ssh://git@HOST/OWNER/NAME.git.';
  it.each([
    ['acme/passport-genauth', form],
    ['../passport-genauth', form],
    ['/srv/git/passport-genauth.git', form],
    ['file:///srv/git/passport-genauth.git', form],
    ['http://github.com/acme/passport-genauth', form],
    ['https://github.com/acme', form],
    ['https://github.com/acme/passport-genauth?tab=readme', form],
    ['https://github.com/acme/passport genauth', form],
    ['https://git.example.com/acme/passport-genauth', `git.example.com is no public host; ${form}`],
    ['http://localhost:3000/acme/passport-genauth', form],
    ['https://127.0.0.1/acme/passport-genauth', `127.0.0.1 is no public host; ${form}`],
  ])('the repository %s', (address, fix) => {
    const before = readText();
    const { status, stderr } = prepare('--repository', address, ...AUTHOR);
    expect([status, stderr]).toEqual([1, `--repository is "${address}": ${fix}\n`]);
    expect(readText()).toBe(before);
  });

  it.each(['https://ghp_secret@github.com/a/b', 'https://ada:secret@github.com/a/b'])('the token in %s', (address) => {
    execFileSync('git', ['remote', 'add', 'origin', address], { cwd: folder });
    const { status, stderr } = prepare(...AUTHOR);
    const message =
      'The Git remote "origin" has a user name or a token before github.com: ' +
      'remove it, because package.json is public.\n';
    expect([status, stderr]).toEqual([1, message]);
  });

  it.each([
    [['--author', 'Acme'], 'Git has no remote "origin". Add --repository URL, or run: git remote add origin URL'],
    [['--repository', 'https://github.com/a/b'], "package.json has no author: add --author 'NAME <EMAIL>' or"],
    [['--repository', 'https://github.com/a/b', '--author', ''], "--author is \"\": write 'NAME <EMAIL>' or 'NAME'."],
    [['--repository', 'https://github.com/a/b', '--author', 'A <x>'], '--author is "A <x>": write'],
    [['--repo', 'https://github.com/a/b'], "Unknown option '--repo'. Usage: npm run release:prepare --"],
  ])('the arguments %j', (args, message) => {
    const before = readText();
    const { status, stderr } = prepare(...args);
    expect([status, stderr]).toEqual([1, expect.stringContaining(message)]);
    expect(readText()).toBe(before);
  });
});
