import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { ROOT } from '../support/process.js';
import { PAGES, TRANSLATIONS } from '../support/readme.js';

const READ: readonly string[] = [
  ...PAGES,
  ...TRANSLATIONS.map(({ chinese }) => chinese),
  'CONTRIBUTING.md',
  'SECURITY.md',
  'CHANGELOG.md',
  'bench/README.md',
];

/** The text of a page without blocks of code. */
const readProse = (page: string): string => readFileSync(join(ROOT, page), 'utf8').replaceAll(/^```[^]*?^```$/gm, '');

/** The anchors of a page's headings, as GitHub builds them. */
function listAnchors(page: string): string[] {
  const used = new Map<string, number>();
  return [...readProse(page).matchAll(/^#{1,6} (.+)$/gm)].map(([, heading = '']) => {
    const text = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .trim()
      .toLowerCase();
    const anchor = text.replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replaceAll(' ', '-');
    const count = used.get(anchor) ?? 0;
    used.set(anchor, count + 1);
    return count === 0 ? anchor : `${anchor}-${count}`;
  });
}

/** The links of a page that lead to files of the project, and to sections. Links in inline code are no links. */
function listLinks(page: string): { link: string; file: string; anchor: string }[] {
  const links = readProse(page).matchAll(/\]\((?!https?:)([^)\s]*)\)/g);
  return [...links].map(([, link = '']) => {
    const [path = '', anchor = ''] = link.split('#');
    return { link, file: path === '' ? page : normalize(join(dirname(page), path)), anchor };
  });
}

it('anchors are built as GitHub builds them', () => {
  expect(listAnchors('docs/nest.md')).toEqual(
    expect.arrayContaining(['introspect', 'refuseunreadablebodiesapp', 'authguardgenauth-password', 'the-module']),
  );
});

it.each(READ)('%s links to files and sections that exist', (page) => {
  const dead = listLinks(page).filter(({ file, anchor }) => {
    if (!existsSync(join(ROOT, file)) || statSync(join(ROOT, file)).isDirectory()) return true;
    return anchor !== '' && !listAnchors(file).includes(decodeURIComponent(anchor));
  });
  expect(dead.map(({ link }) => link)).toEqual([]);
});

it('each page of docs is named in the README', () => {
  const named = new Set(listLinks('README.md').map(({ file }) => file));
  expect(PAGES.filter((page) => page !== 'README.md' && !named.has(page))).toEqual([]);
});
