import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AuthenticationClient } from 'authing-node-sdk';
import { GenAuthClient, type SignInOutcome } from '../../src/index.js';
import { ROOT } from '../support/process.js';
import { PAGES, getSnippetName, readBlocks, readSnippets } from '../support/readme.js';

const readText = (page: string): string => readFileSync(join(ROOT, page), 'utf8');

describe('code in the documents', () => {
  const blocks = PAGES.flatMap((page) => readBlocks(page).map((block) => ({ page, ...block })));
  const code = blocks.filter(({ language }) => language === 'ts' || language === 'js');

  it('is a snippet that a test compiles, a part or an edit of one, or an option', () => {
    const unknown = code.filter(
      (block) => getSnippetName(block) === undefined && !/^(?:part of|edit of|options): \S+$/.test(block.comment ?? ''),
    );
    expect(unknown.map(({ page, code: text }) => `${page}: ${text}`)).toEqual([]);
  });

  it('shows the name of its file to the reader', () => {
    const named = code.flatMap((block) => ({ ...block, name: getSnippetName(block) ?? '' }));
    const hidden = named.filter(({ name, before, code: text }) => {
      const near = before.split('\n').slice(-6).join('\n');
      return name !== '' && !near.includes(`\`${name}\``) && !text.startsWith(`// ${name}`);
    });
    expect(hidden.map(({ page, name }) => `${page}: ${name}`)).toEqual([]);
  });

  it('that is a part of a snippet is in that snippet', () => {
    const snippets = new Map(PAGES.flatMap((page) => [...readSnippets(page)]));
    const trim = (text: string): string => text.replaceAll(/^\s+|\s+$/gm, '');
    const parts = code.flatMap(({ page, comment, code: text }) => {
      const file = /^part of: (\S+)$/.exec(comment ?? '')?.[1];
      return file === undefined ? [] : [{ page, file, text }];
    });
    expect(parts.length).toBeGreaterThan(20);
    expect(parts.filter(({ file, text }) => !trim(snippets.get(file) ?? '').includes(trim(text)))).toEqual([]);
  });
});

describe('docs/options.md', () => {
  const page = readText('docs/options.md');

  /** The names of the members of an interface in the source. */
  function listMembers(file: string, type: string): string[] {
    const source = readText(`src/${file}`);
    const body = source.split(new RegExp(`export interface ${type}\\b[^{]*\\{\\n`))[1]?.split('\n}')[0] ?? '';
    return [...body.matchAll(/^ {2}(\w+)\??:/gm)].map(([, name = '']) => name);
  }
  const list = (file: string, type: string, prefix = ''): string[] =>
    listMembers(file, type).map((name) => prefix + name);
  const TYPES = 'core/options/types.ts';
  const names = [
    ...list(TYPES, 'GenAuthOptions').filter((name) => name !== 'jwks'),
    ...list(TYPES, 'JwksOptions', 'jwks.'),
    ...list(TYPES, 'LoginThrottleOptions', 'loginThrottle.'),
    ...list(TYPES, 'VerifiedTokenCacheOptions', 'verifiedTokenCache.'),
    ...list('core/sign-in/sign-in-options.ts', 'SignInOptions', 'signInOptions.'),
    ...list('nest/genauth.module.ts', 'GenAuthModuleOptions'),
    ...list('redirect/options.ts', 'RedirectOptions'),
  ];

  it('has a heading for each option of the code, and for no other', () => {
    const headings = [...page.matchAll(/^### `([\w.]+)`$/gm)].map(([, name = '']) => name);
    expect(names).toContain('refreshGrace');
    expect(headings.sort()).toEqual(names.sort());
  });

  it('names each option of requireAuth, and each field of a login', () => {
    const rows = list('express/require-auth.ts', 'RequireAuthOptions').map((name) => `| \`${name}\``);
    const fields = list(TYPES, 'LoginFields').map((name) => `\`${name}\``);
    expect(rows).toHaveLength(5);
    expect([...rows, ...fields].filter((text) => !page.includes(text))).toEqual([]);
  });

  it('has a type for each option, and its default or that it is required', () => {
    const sections = page
      .split(/^### /m)
      .slice(1)
      .filter((text) => /^`[\w.]+`\n/.test(text));
    const incomplete = sections.filter((text) => !/^Type: .*(?:Default|Required)/m.test(text));
    expect(incomplete.map((text) => text.split('\n')[0])).toEqual([]);
  });

  it('shows the defaults of the code', () => {
    const client = new GenAuthClient({ appId: 'app', appSecret: 'secret', appHost: 'https://example.genauth.ai' });
    void client.close();
    const { verifiedTokenCache, jwks, ...options } = client.options;
    const { maxEntries } = verifiedTokenCache as { maxEntries: number };
    const cache = { verifiedTokenCache, 'verifiedTokenCache.maxEntries': maxEntries };
    const defaults: Record<string, unknown> = { ...options, ...cache };
    for (const [name, value] of Object.entries(jwks)) defaults[`jwks.${name}`] = value;
    const shown = [...page.matchAll(/^### `([\w.]+)`\n\nType: .*Default: `([^`]+)`/gm)]
      .filter(([, name = '']) => defaults[name] !== undefined && name !== 'issuer' && name !== 'authorizationEndpoint')
      .map(([, name = '', literal = '']) => [name, JSON.parse(toJson(literal))] as const);
    expect(shown.length).toBeGreaterThanOrEqual(12);
    expect(Object.fromEntries(shown)).toEqual(Object.fromEntries(shown.map(([name]) => [name, defaults[name]])));
  });

  /** Writes a literal of JavaScript as JSON. */
  const toJson = (literal: string): string =>
    literal
      .replaceAll("'", '"')
      .replaceAll(/(\d)_(?=\d)/g, '$1')
      .replaceAll(/(\w+):/g, '"$1":');
});

describe('docs/outcomes.md', () => {
  // The compiler refuses a missing kind and a wrong kind.
  const STATUSES: Record<SignInOutcome['kind'], string> = {
    success: 'of your route',
    invalid_credentials: '401',
    captcha_required: '403',
    mfa_required: '403',
    password_change_required: '403',
    identity_binding_required: '403',
    profile_completion_required: '403',
    account_locked: '401; 403 with `exposeReasons`',
    access_denied: '401; 403 with `exposeReasons`',
    rate_limited: '429',
    rejected: '403',
  };
  const page = readText('docs/outcomes.md');

  it('has a row and a section for each kind, and for no other', () => {
    const rows = [...page.matchAll(/^\| \[`(\w+)`\]\(#\w+\) +\| ([^|]*?) +\|/gm)];
    expect(Object.fromEntries(rows.map(([, kind, status]) => [kind, status]))).toEqual(STATUSES);
    const sections = [...page.matchAll(/^## `(\w+)`$/gm)].map(([, kind]) => kind);
    expect(sections).toEqual(Object.keys(STATUSES));
  });

  it('has a case for each kind in outcomes.ts', () => {
    const snippet = readSnippets('docs/outcomes.md').get('outcomes.ts') ?? '';
    const cases = new Set([...snippet.matchAll(/case '(\w+)'/g)].map(([, kind]) => kind));
    expect(cases).toEqual(new Set(Object.keys(STATUSES)));
  });
});

describe('docs/security.md', () => {
  const rows = [...readText('docs/security.md').matchAll(/\| `(\S+\.test\.ts)`: "(.*?)" +\|$/gm)];

  it.each(rows.map(([, file = '', title = '']) => ({ file, title })))(
    '$file has the test "$title"',
    ({ file, title }) => {
      const path = join(ROOT, 'test', file);
      expect(existsSync(path) && readFileSync(path, 'utf8')).toContain(`'${title}'`);
    },
  );

  it('names a test for each promise', () => {
    const promises = readText('docs/security.md')
      .split('## What is checked')[0]
      ?.match(/^\| (?!promise|-).*$/gm);
    expect(promises?.length).toBe(rows.length);
  });
});

describe('docs/migrating.md', () => {
  it('names only methods that the SDK and the client have', () => {
    const table = readText('docs/migrating.md').split('### Methods of the SDK')[1]?.split('###')[0] ?? '';
    const rows = [...table.matchAll(/^\| ([^|]*)\| ([^|]*)\|$/gm)];
    const list = (column: number): string[] =>
      rows.flatMap((row) => [...(row[column] ?? '').matchAll(/`(?!new )(\w+)\(/g)].map(([, name = '']) => name));
    const [old, own] = [list(1), list(2)];
    expect([old.length, own.length]).toEqual([10, 13]);
    expect(old.filter((name) => !(name in AuthenticationClient.prototype))).toEqual([]);
    expect(own.filter((name) => !(name in GenAuthClient.prototype))).toEqual([]);
  });
});

describe('the pattern for Jest in docs/testing.md', () => {
  const [json = '{}'] = readBlocks('docs/testing.md').flatMap(({ comment, code }) =>
    comment === 'jest' ? [code] : [],
  );
  const { transformIgnorePatterns } = JSON.parse(`{${json}}`) as { transformIgnorePatterns: string[] };
  const isTransformed = (path: string): boolean => !transformIgnorePatterns.some((each) => new RegExp(each).test(path));

  it.each([
    ['npm', '/app/node_modules/jose/dist/webapi/index.js'],
    ['npm, in a nested folder', '/app/node_modules/passport-genauth/node_modules/jose/dist/webapi/index.js'],
    ['npm, with a scope', '/app/node_modules/@nestjs/passport/dist/index.js'],
    ['npm, in a workspace', '/app/packages/api/node_modules/passport-genauth/dist/index.js'],
    ['pnpm', '/app/node_modules/.pnpm/jose@6.0.0/node_modules/jose/dist/webapi/index.js'],
    [
      'pnpm, with a scope',
      '/app/node_modules/.pnpm/@nestjs+passport@12.0.0_a_b/node_modules/@nestjs/passport/dist/index.js',
    ],
    [
      'pnpm, from a file',
      '/a/node_modules/.pnpm/passport-genauth@file+..+p.tgz_1/node_modules/passport-genauth/dist/index.js',
    ],
    ['the application', '/app/src/app.module.ts'],
  ])('transforms with %s: %s', (_manager, path) => {
    expect(isTransformed(path)).toBe(true);
  });

  it.each([
    ['npm', '/app/node_modules/axios/index.js'],
    ['npm, with a similar name', '/app/node_modules/jose-browser/index.js'],
    ['npm, a dependency of a named package', '/app/node_modules/passport-genauth/node_modules/axios/index.js'],
    ['npm, another package of the scope', '/app/node_modules/@nestjs/core/index.js'],
    ['pnpm', '/app/node_modules/.pnpm/axios@1.0.0/node_modules/axios/index.js'],
    ['pnpm, beside a named package', '/app/node_modules/.pnpm/passport-genauth@0.1.0/node_modules/axios/index.js'],
  ])('leaves with %s: %s', (_manager, path) => {
    expect(isTransformed(path)).toBe(false);
  });

  it('is on one page only', () => {
    expect(PAGES.filter((page) => readText(page).includes('transformIgnorePatterns"'))).toEqual(['docs/testing.md']);
  });
});
