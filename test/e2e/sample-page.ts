import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type Browser, type Page, chromium } from 'playwright-core';
import { ROOT } from '../support/process.js';

const [BROWSER] = ['chromium', 'chromium-browser', 'google-chrome']
  .map((name) => `/usr/bin/${name}`)
  .filter(existsSync);
const SKIPPED = 'SKIPPED test/e2e/page.test.ts: no Chromium on this machine (Debian: apt-get install chromium).\n';
if (BROWSER === undefined) process.stderr.write(SKIPPED);

/** `describe`, which is skipped with a printed reason if the machine has no Chromium. */
export const describeInBrowser = BROWSER === undefined ? describe.skip : describe;

export function launchBrowser(): Promise<Browser> {
  const args = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
  return chromium.launch({ executablePath: BROWSER ?? '', timeout: 20_000, args });
}

/** The texts of the page in one language. A text with values is a function. */
export interface PageTexts {
  codes: Record<string, string>;
  returned: Record<string, string>;
  [name: string]: unknown;
}

interface TextModule {
  TEXTS: Record<'en' | 'zh', PageTexts>;
  chooseLanguage: (languages: readonly string[]) => string;
}

/** Loads the texts of the page. The file has no types, because browsers load it unchanged. */
export const loadTexts = (): Promise<TextModule> => import(join(ROOT, 'sample-app/public/texts.js'));

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Returns the findings of axe-core on the page, also contrasts that axe-core could not compute. */
export async function findAccessibilityMistakes(page: Page): Promise<string[]> {
  await page.evaluate(AXE);
  const run = `axe.run(document, { runOnly: ${JSON.stringify(RULES)} })`;
  type Found = { id: string; nodes: { html: string; failureSummary: string }[] }[];
  const { violations, incomplete } = await page.evaluate<{ violations: Found; incomplete: Found }>(run);
  return [...violations, ...incomplete].flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}

/**
 * Creates a page of a browser with this language. It collects what must never happen on it: script errors, refused
 * resources, and missing files.
 */
export async function createPage(browser: Browser, locale: string, faults: string[]): Promise<Page> {
  const context = await browser.newContext({ locale });
  const page = await context.newPage();
  page.setDefaultTimeout(10_000);
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    // The browser reports each response with a status from 400 on.
    const isRefusal = message.text().startsWith('Failed to load resource');
    if (message.type() === 'error' && !isRefusal) faults.push(message.text());
  });
  page.on('response', (response) => {
    if (response.status() === 404) faults.push(`404 ${response.url()}`);
  });
  return page;
}

/** Removes what the last test has changed in the browser. */
export async function resetPage(page: Page): Promise<void> {
  await page.unrouteAll();
  await page.context().clearCookies();
  await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'no-preference' });
  await page.setViewportSize({ width: 1000, height: 720 });
}

/** The id of the element that has the focus. */
export const getFocus = (page: Page): Promise<string> => page.evaluate('document.activeElement.id');

/** The width that a user would have to scroll sideways, in pixels. */
export const getOverflow = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth');
