import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CHECK = join(import.meta.dirname, '../.ci/check-language.mjs');
const folder = mkdtempSync(join(tmpdir(), 'genauth-language-'));
afterAll(() => rmSync(folder, { recursive: true }));

function check(name: string, lines: string[]): [status: number | null, mistakes: string[]] {
  const file = join(folder, name);
  writeFileSync(file, lines.join('\n'));
  const { status, stderr } = spawnSync(process.execPath, [CHECK, file], { encoding: 'utf8' });
  return [status, stderr.replaceAll(file, '').split('\n').filter(Boolean)];
}

it('refuses each forbidden word, in any case', () => {
  const lines = ['Nobody', 'for whoever asks', 'somebody', 'mend it', 'it mends', 'was mended', 'That one is right.'];
  const mistakes = lines.map((_, i) => expect.stringMatching(new RegExp(`^:${i + 1}: replace "[\\w ]+" by`)) as string);
  expect(check('page.md', lines)).toEqual([1, mistakes]);
});

it('accepts similar words, and long lines in a document', () => {
  expect(check('page.md', ['recommend, amend and commend', 'one that is that', 'a'.repeat(121)])).toEqual([0, []]);
});

it('refuses a source line of 121 characters and accepts one of 120', () => {
  const lines = ['a'.repeat(120), 'b'.repeat(121)];
  expect(check('a.ts', lines)).toEqual([1, [':2: shorten 121 characters to 120']]);
});
