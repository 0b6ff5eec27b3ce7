import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** The text values of a union type of a file, for example of `RequestErrorCode`. */
function readUnion(file: string, name: string): string[] {
  const [, union = ''] =
    new RegExp(`export type ${name} =([^;]*);`).exec(read(file).replaceAll(/\/\*[^]*?\*\//g, '')) ?? [];
  return [...union.matchAll(/'(\w+)'/g)].map(([, code = '']) => code);
}

const sources = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => read(`src/${file}`));

const CODES: Readonly<Record<string, readonly string[]>> = {
  'of errors': ['Configuration', 'Request', 'TokenVerification', 'Authorization', 'Upstream'].flatMap((name) =>
    readUnion('src/core/errors.ts', `${name}ErrorCode`),
  ),
  'of outcomes': [...read('src/core/sign-in/outcome.ts').matchAll(/\bkind: ('[^;]*);/g)]
    .flatMap(([, kinds = '']) => [...kinds.matchAll(/\w+/g)].map(([kind]) => kind))
    .filter((kind) => kind !== 'success' && kind !== 'redirect'),
  'of responses': ['configuration_error', 'invalid_token', 'upstream_unavailable', 'upstream_invalid_response'],
  'of the emulator': readUnion('src/emulator/errors.ts', 'EmulatorErrorCode'),
  'of process warnings': sources.flatMap((text) =>
    [...text.matchAll(/'GenAuthWarning',\s*code: '(\w+)'/g)].map(([, code = '']) => code),
  ),
};
const headings = [...read('docs/errors.md').matchAll(/^### (\w+)$/gm)].map(([, code = '']) => code);

describe('docs/errors.md', () => {
  it.each(Object.entries(CODES))('has a heading for each code %s', (_kind, codes) => {
    expect(codes.length).toBeGreaterThan(3);
    expect(codes.filter((code) => !headings.includes(code))).toEqual([]);
  });

  it('has no heading for another code, and none twice', () => {
    const known = new Set(Object.values(CODES).flat());
    expect(headings.filter((code, i) => !known.has(code) || headings.indexOf(code) < i)).toEqual([]);
  });

  it('says for each code what the reason is and how to fix it', () => {
    const sections = read('docs/errors.md').split(/^### /m).slice(1);
    const incomplete = sections.filter((text) => !/- \*\*Reason:\*\* /.test(text) || !/- \*\*Fix:\*\* /.test(text));
    expect(incomplete).toEqual([]);
  });
});
