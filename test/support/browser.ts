import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type Browser, type Page, chromium } from 'playwright-core';

/** The shell without a window loads pages in half the time. */
const [BROWSER] = ['chromium-headless-shell', 'chromium', 'chromium-browser', 'google-chrome']
  .map((name) => `/usr/bin/${name}`)
  .filter(existsSync);
const SKIPPED =
  'SKIPPED a test in a browser: no Chromium on this machine (Debian: apt-get install chromium-headless-shell).\n';
if (BROWSER === undefined) process.stderr.write(SKIPPED);

/** `describe`, which is skipped with a printed reason if the machine has no Chromium. */
export const describeInBrowser = BROWSER === undefined ? describe.skip : describe;

export function launchBrowser(): Promise<Browser> {
  const args = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
  return chromium.launch({ executablePath: BROWSER ?? '', timeout: 20_000, args });
}

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Returns the findings of axe-core on the page, also contrasts that axe-core could not compute. */
export async function findAccessibilityMistakes(page: Page): Promise<string[]> {
  // A page keeps axe-core until the next page is opened.
  if (!(await page.evaluate("'axe' in globalThis"))) await page.evaluate(AXE);
  const run = `axe.run(document, { runOnly: ${JSON.stringify(RULES)} })`;
  type Found = { id: string; nodes: { html: string; failureSummary: string }[] }[];
  const { violations, incomplete } = await page.evaluate<{ violations: Found; incomplete: Found }>(run);
  return [...violations, ...incomplete].flatMap(({ id, nodes }) =>
    nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`),
  );
}
