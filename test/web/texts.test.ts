import type { SignInStrategy } from '../../src/index.js';
import { createRequire } from 'node:module';
import { GenAuthPasswordStrategy, type SignInRejection, signInHandler } from '../../src/index.js';
import { type Texts, getTexts } from '../../src/web/texts.js';
import { EXPRESS_VERSIONS } from '../support/express-version.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { createLoginApp } from '../support/login-app.js';
import { ask, useWebServer } from '../support/web-server.js';

const EN = getTexts('en', undefined);
const ZH = getTexts('zh', undefined);
/** Which language a request gets that nobody configured one for. */
const choose = (header: unknown): string => {
  const texts = getTexts(undefined, header);
  return texts === ZH ? 'zh' : texts === EN ? 'en' : 'neither';
};

describe('the texts', () => {
  // A new kind does not compile until it stands here.
  const NAMES: Readonly<Record<keyof Texts | SignInRejection['kind'], true>> = {
    invalid_credentials: true,
    captcha_required: true,
    mfa_required: true,
    password_change_required: true,
    identity_binding_required: true,
    profile_completion_required: true,
    account_locked: true,
    access_denied: true,
    rate_limited: true,
    rejected: true,
    further_step: true,
    upstream_invalid_response: true,
    upstream_unavailable: true,
    configuration_error: true,
    token_missing: true,
    invalid_token: true,
    sign_in_again: true,
    forbidden: true,
  };
  const names = Object.keys(NAMES) as (keyof Texts)[];

  it('are the same in number in both languages, and no two of one language are alike', () => {
    for (const texts of [EN, ZH]) {
      expect(Object.keys(texts).sort()).toEqual([...names].sort());
      expect(new Set(Object.values(texts)).size).toBe(names.length);
    }
  });

  it.each(names)('%s: a sentence in English, one in Chinese', (name) => {
    expect(EN[name]).toMatch(/^[A-Z][A-Za-z ,.-]{10,}\.$/);
    expect(ZH[name]).toMatch(/^[\p{Script=Han}，、]{5,}。$/u);
  });

  it('say nothing that tells a stranger whether an account exists', () => {
    expect(EN.invalid_credentials).toContain('The account or the password');
    expect(ZH.invalid_credentials).toContain('账号或密码');
  });
});

/** What a browser, a proxy or a stranger may send, and what they then read. */
const HEADERS: readonly (readonly [header: unknown, language: 'en' | 'zh'])[] = [
  [undefined, 'en'],
  ['', 'en'],
  ['en', 'en'],
  ['zh', 'zh'],
  ['EN-gb', 'en'],
  ['ZH-cn', 'zh'],
  ['zh-CN', 'zh'],
  ['zh-TW', 'zh'],
  ['zh-Hant-TW', 'zh'],
  ['zh-Hans-CN-x-private', 'zh'],
  ['en-GB', 'en'],
  ['de', 'en'],
  ['*', 'en'],
  ['zh-CN,zh;q=0.9,en-US;q=0.8,en;q=0.7', 'zh'],
  ['en-US,en;q=0.9,zh-CN;q=0.8,zh;q=0.7', 'en'],
  ['de-CH, de;q=0.9, zh;q=0.5, en;q=0.3', 'zh'],
  ['de-CH, de;q=0.9, en;q=0.5, zh;q=0.3', 'en'],
  ['fr, de, zh;q=0.001', 'zh'],
  ['zh, en', 'zh'],
  ['en, zh', 'en'],
  ['en;q=0.5, zh;q=0.5', 'en'],
  ['zh;q=0.5, en;q=0.5', 'zh'],
  ['en;q=0.9, zh', 'zh'],
  ['zh;q=0.9, en', 'en'],
  ['en;q=0.1, zh;q=0.2, en-US;q=0.3', 'en'],
  ['zh;q=0', 'en'],
  ['zh;q=0.0, en;q=0.1', 'en'],
  ['zh;q=0.000', 'en'],
  ['en;q=0, zh;q=0.1', 'zh'],
  ['en;q=0, zh;q=0', 'en'],
  ['zh;q=0, *', 'en'],
  ['zh;q=1.000, en;q=0.999', 'zh'],
  ['zh;Q=0.1, en;Q=0.2', 'en'],
  [' zh ; q=0.8 ,\ten ; q=0.7 ', 'zh'],
  ['zh;level=1;q=0.1, en;q=0.2', 'en'],
  ['zh;level=1, en;q=0.2', 'zh'],
  [',,zh,,', 'zh'],
  ['de,,,;;;q=1,zh', 'zh'],
  // Nonsense is nobody's preference.
  ['zh;q=x', 'en'],
  ['zh;q=', 'en'],
  ['zh;q=-1', 'en'],
  ['zh;q=NaN, en;q=0.1', 'en'],
  ['zhong', 'en'],
  ['zh_CN', 'en'],
  ['zhx-CN', 'en'],
  ['x-zh', 'en'],
  ['-zh', 'en'],
  ['art-zh', 'en'],
  ['"zh"', 'en'],
  ['中文', 'en'],
  ['z h', 'en'],
  ['q=1;zh', 'en'],
  [';zh', 'en'],
  ['\0zh', 'en'],
  ['__proto__', 'en'],
  ['constructor', 'en'],
  ['toString;q=1', 'en'],
  [5, 'en'],
  [null, 'en'],
  [true, 'en'],
  [{ zh: 1 }, 'en'],
  // No framework has it so: Node joins the lines.
  [['zh', 'en'], 'en'],
];

describe('Accept-Language', () => {
  it.each(HEADERS)('%j: %s', (header, language) => {
    expect(choose(header)).toBe(language);
  });

  it.each(['en', 'zh'] as const)('the option language %s wins over every one of them', (language) => {
    for (const [header] of HEADERS) expect(getTexts(language, header)).toBe(language === 'zh' ? ZH : EN);
  });

  it('256 characters are read, 257 are not', () => {
    const header = `de,${' '.repeat(251)}zh`;
    expect([choose(header), choose(` ${header}`), choose(`zh,${header}`)]).toEqual(['zh', 'en', 'en']);
  });

  it.each([
    'zh,',
    'zh-',
    ',',
    ';',
    ' ',
    'zh;q=0.5,',
    'zh;',
    'q=',
    'zh;q=0.5;',
    '*,',
    '-',
    '\t',
    '9',
    'zh;q=' + '9'.repeat(50),
  ])('10,000 characters of %j: less than 5 ms', (piece) => {
    const header = piece.repeat(10_000).slice(0, 10_000);
    // The best of five: what else the machine does is not the parser's fault.
    const times = [1, 2, 3, 4, 5].map(() => {
      const begin = performance.now();
      choose(header);
      return performance.now() - begin;
    });
    expect(Math.min(...times)).toBeLessThan(5);
  });

  // RFC 9110 §12.5.4 as Express has it.
  it('is read as Express reads it, for 2,000 headers of browsers', () => {
    const accepts = createRequire(createRequire(import.meta.url).resolve('express'))('accepts') as (req: object) => {
      language(available: string[]): string | false;
    };
    let seed = 1;
    const random = (n: number): number => (seed = (seed * 48_271) % 2_147_483_647) % n;
    for (let round = 0; round < 2000; round += 1) {
      const tags = ['zh-CN', 'en-US', 'de', 'fr-FR', 'ja', 'zh-TW', 'en-GB']
        .sort(() => random(3) - 1)
        .slice(0, 1 + random(5));
      const header = tags.map((tag, i) => (i === 0 ? tag : `${tag};q=${(1 - i / 10).toFixed(1)}`)).join(',');
      const expected = accepts({ headers: { 'accept-language': header } }).language(['en', 'zh']) || 'en';
      expect([header, choose(header)]).toEqual([header, expected]);
    }
  });
});

describe.each(EXPRESS_VERSIONS)('through sockets on %s', (_version, express) => {
  failOnUnhandledRejections();
  const issuer = useIssuer();
  const serve = useWebServer();

  it.each<[string, string | string[], string]>([
    ['one line', 'zh-CN', ZH.invalid_credentials],
    ['several lines are one list', ['de', 'zh;q=0.5', 'en;q=0.4'], ZH.invalid_credentials],
    ['several lines, the other way round', ['de', 'zh;q=0.4', 'en;q=0.5'], EN.invalid_credentials],
    ['10,000 characters', 'zh,'.repeat(3333), EN.invalid_credentials],
    ['Latin-1 bytes', 'zh\u00FF', EN.invalid_credentials],
  ])('%s', async (_name, acceptLanguage, message) => {
    issuer().reply(SIGN_IN_PATH, { body: { statusCode: 403, apiCode: 2333, message: 'canary-message' } });
    const strategies = [new GenAuthPasswordStrategy(issuer().clientOptions)];
    const authenticate = (_passport: unknown, find: (name: string) => SignInStrategy): unknown =>
      signInHandler(find('genauth-password'));
    const url = await serve(createLoginApp(express, { strategies, authenticate }));
    const json = { account: 'a', password: 'p' };
    const { text, headers } = await ask(url, { path: '/login', json, headers: { 'accept-language': acceptLanguage } });
    expect(JSON.parse(text)).toMatchObject({ message, code: 'invalid_credentials' });
    // In bytes, not in characters.
    expect(headers['content-length']).toBe(String(Buffer.byteLength(text)));
  });
});
