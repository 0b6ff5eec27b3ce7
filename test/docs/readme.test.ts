import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FAULTS, REJECTIONS } from '../secrets/support.js';
import { NETWORK_FAULTS } from '../support/network-fault.js';
import { ROOT } from '../support/process.js';
import { type CodeBlock, TRANSLATIONS, readBlocks, readSnippets } from '../support/readme.js';
import { TOKEN_FLAWS } from '../support/token-flaw.js';

const readText = (page: string): string => readFileSync(join(ROOT, page), 'utf8');
const README = readText('README.md');

/** The paragraphs and the lists of a page, without code and tables. */
const listParagraphs = (text: string): string[] =>
  text
    .replaceAll(/^```[^]*?^```$/gm, '\n')
    .replaceAll(/^\|.*$/gm, '')
    .split(/\n\s*\n/);

it('README.md has at most 300 lines and 3,500 words, and no paragraph or list over 120 words', () => {
  const count = (text: string): number => text.split(/\s+/).filter(Boolean).length;
  expect(README.trimEnd().split('\n').length).toBeLessThanOrEqual(300);
  expect(count(README)).toBeLessThanOrEqual(3_500);
  expect(listParagraphs(README).filter((text) => count(text) > 120)).toEqual([]);
});

it('README.md has the numbers of the tests that it names', () => {
  // A sign-in can also succeed.
  const ends = REJECTIONS.length + FAULTS.length + NETWORK_FAULTS.length + 1;
  expect(README).toContain(`- ${TOKEN_FLAWS.length} hostile access tokens are refused`);
  expect(README).toContain(`- ${ends} ways in which a sign-in can end are searched`);
});

/** The code of a block without its comments, which are translated. */
const strip = ({ language, code }: CodeBlock): string =>
  [language, ...code.split('\n').map((line) => line.replace(/(^|\s)\/\/ .*$/, '').trimEnd())]
    .filter(Boolean)
    .join('\n');
const isDiagram = ({ language }: CodeBlock): boolean => language === 'mermaid';
const listCode = (page: string): string[] =>
  readBlocks(page).flatMap((block) => (isDiagram(block) ? [] : strip(block)));

describe.each(TRANSLATIONS)('$chinese', ({ chinese, isComplete }) => {
  it('has the snippets and the commands of README.md, in the same order', () => {
    const [all, own] = [listCode('README.md'), listCode(chinese)];
    let position = -1;
    const foreign = own.filter((code) => {
      const found = all.indexOf(code, position + 1);
      if (found >= 0) position = found;
      return found < 0;
    });
    expect(foreign).toEqual([]);
    const expected = isComplete ? all.length : 9;
    expect(own.length).toBeGreaterThanOrEqual(expected);
    expect([...readSnippets(chinese).keys()]).toEqual(expect.arrayContaining(['nest.ts', 'server.js']));
  });
});

it('a translation with a changed line of code is found', () => {
  const block = { comment: undefined, language: 'ts', before: '', code: '// nest.ts\nconst a = 1; // one\n' };
  expect(strip(block)).toBe(strip({ ...block, code: '// nest.ts，第一步\nconst a = 1; // 一\n' }));
  expect(strip(block)).not.toBe(strip({ ...block, code: 'const a = 2;\n' }));
});
