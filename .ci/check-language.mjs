// Refuses source lines over 120 characters, and words that make readers guess who or what is meant. `npm run lint` runs
// it on the project. To check some files only, run: node .ci/check-language.mjs FILE...
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

const WORDS = /\b(?:nobody|whoever|somebody|mend(?:s|ed)?|that one)\b/gi;
const MAX_LENGTH = 120;
// This file and its test contain the words. The changelog contains names that were in use before.
const PLACES = [
  'src',
  'test',
  'docs',
  'sample-app',
  'bench',
  '.ci',
  '*.md',
  ':!.ci/check-language.mjs',
  ':!test/language.test.ts',
  ':!CHANGELOG.md',
];

/** The project's files, also those that are not committed yet. */
function listFiles() {
  const list = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard', '--', ...PLACES]);
  return list.toString().split('\0').filter(existsSync);
}

function findMistakes(file) {
  const isSource = /\.(?:[cm]?[jt]s|sh)$|\/run$/.test(file);
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.flatMap((line, i) => {
    const words = [...line.matchAll(WORDS)].map(([word]) => `replace "${word}" by the subject or the usual term`);
    const tooLong = isSource && line.length > MAX_LENGTH;
    const mistakes = tooLong ? [...words, `shorten ${line.length} characters to ${MAX_LENGTH}`] : words;
    return mistakes.map((mistake) => `${file}:${i + 1}: ${mistake}`);
  });
}

const given = process.argv.slice(2);
const mistakes = (given.length > 0 ? given : listFiles()).flatMap(findMistakes);
if (mistakes.length > 0) {
  console.error(mistakes.join('\n'));
  process.exitCode = 1;
}
