import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { ROOT } from '../support/process.js';

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
