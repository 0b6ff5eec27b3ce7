import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const CHECK = join(import.meta.dirname, '../.ci/check-language.mjs');
const folder = mkdtempSync(join(tmpdir(), 'genauth-language-'));
afterAll(() => rmSync(folder, { recursive: true }));

function check(name: string, text: string): { status: number | null; mistakes: string[] } {
  const file = join(folder, name);
  writeFileSync(file, text);
  const { status, stderr } = spawnSync(process.execPath, [CHECK, file], { encoding: 'utf8' });
  return {
    status,
    mistakes: stderr
      .split('\n')
      .filter(Boolean)
      .map((line) => line.replace(folder, '')),
  };
}

it.each([
  'Nobody signs in.',
  'for whoever asks',
  'somebody else',
  'mend it',
  'it mends',
  'was mended',
  'That one is right.',
])('refuses "%s"', (sentence) => {
  const mistake = expect.stringMatching(/^\/page\.md:2: replace "[\w ]+" by/);
  expect(check('page.md', `# Title\n${sentence}\n`)).toEqual({ status: 1, mistakes: [mistake] });
});

it.each(['recommend, amend and commend', 'one that is that', `a long line ${'a'.repeat(121)}`])(
  'accepts "%s" in a document',
  (text) => {
    expect(check('page.md', text)).toEqual({ status: 0, mistakes: [] });
  },
);

it('refuses a source line of 121 characters and accepts one of 120', () => {
  const text = `${'a'.repeat(120)}\n${'b'.repeat(121)}\n`;
  expect(check('a.ts', text)).toEqual({ status: 1, mistakes: ['/a.ts:2: shorten 121 characters to 120'] });
});
