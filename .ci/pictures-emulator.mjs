// Takes the pictures of the emulator's page for docs/pictures. Needs Chromium and the built package.
// Run: node .ci/pictures-emulator.mjs [NAME...]
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { GenAuthClient } from '../dist/index.js';
import { GenAuthEmulator } from '../dist/emulator/index.js';

const FOLDER = fileURLToPath(new URL('../docs/pictures/', import.meta.url));
const WIDE = { width: 840, height: 560 };
const PHONE = { width: 375, height: 700 };

/** Opens a section and waits until it shows the state of the emulator. */
const open = (section) => async (page, url) => {
  await page.goto(`${url}/emulator#${section}`);
  await page.locator('#connection', { hasText: /^Connected$/ }).waitFor();
};

/** The pictures: `steps` brings the page into the state of the picture. */
export const PICTURES = [
  { name: 'emulator-users', viewport: WIDE, colorScheme: 'light', locale: 'en-GB', steps: open('users') },
  { name: 'emulator-sign-ins', viewport: WIDE, colorScheme: 'light', locale: 'en-GB', steps: openSignIns },
  { name: 'emulator-tokens', viewport: WIDE, colorScheme: 'light', locale: 'en-GB', steps: revokeToken },
  { name: 'emulator-faults', viewport: WIDE, colorScheme: 'light', locale: 'en-GB', steps: addFaults },
  { name: 'emulator-codes', viewport: WIDE, colorScheme: 'light', locale: 'en-GB', steps: open('codes') },
  { name: 'emulator-keys', viewport: WIDE, colorScheme: 'light', locale: 'en-GB', steps: rotateKeys },
  { name: 'emulator-phone', viewport: PHONE, colorScheme: 'light', locale: 'en-GB', steps: open('users') },
  { name: 'emulator-dark', viewport: WIDE, colorScheme: 'dark', locale: 'en-GB', steps: openSignIns },
];

/** Starts an emulator with some sign-ins, failed sign-ins and captchas. */
export async function startEmulator() {
  const emulator = await new GenAuthEmulator({ captchaAfter: 2, lockAfter: 3 }).start();
  emulator.updateUser('bob', { mfa: true });
  const client = new GenAuthClient({ ...emulator.clientOptions, scope: ['openid', 'profile', 'email'] });
  const details = { clientIp: '203.0.113.7', context: { source: 'autumn' } };
  await client.signIn({ account: 'alice', password: 'passw0rd' }, details);
  await client.signIn({ account: 'bob', password: 'passw0rd' }, details);
  await client.signIn({ sAMAccountName: 'zhangsan', password: 'AdPassw0rd' }, details);
  await client.signIn({ account: 'carol', password: 'a wrong one' }, details);
  await client.signIn({ account: 'carol', password: 'a wrong one' }, details);
  await client.getCaptcha();
  await client.close();
  return emulator;
}

async function openSignIns(page, url) {
  await open('sign-ins')(page, url);
  await page.locator('#sign-in-list summary').first().click();
}

async function revokeToken(page, url) {
  await open('tokens')(page, url);
  await page
    .getByRole('button', { name: /^Revoke/ })
    .first()
    .click();
  await page.locator('#token-list .tag', { hasText: 'revoked' }).waitFor();
  await page.locator('#title-tokens').evaluate((title) => title.scrollIntoView());
}

async function addFaults(page, url) {
  await open('faults')(page, url);
  for (const name of ['Key set: 503', 'Second factor required', 'Add the flaw']) {
    await page.getByRole('button', { name }).click();
  }
  await page.locator('#active-list li').nth(2).waitFor();
  await page.evaluate('scrollTo(0, 0)');
}

async function rotateKeys(page, url) {
  await open('keys')(page, url);
  await page.getByRole('button', { name: 'Rotate, keep the old keys' }).click();
  await page.locator('#key-list li').nth(1).waitFor();
  await page.getByRole('button', { name: '15 days ahead' }).click();
  await page.locator('#drift', { hasText: '15 days' }).waitFor();
  await page.evaluate('scrollTo(0, 0)');
}

async function takePictures(names) {
  const paths = ['chromium', 'chromium-browser', 'google-chrome'].map((name) => `/usr/bin/${name}`);
  const executablePath = paths.find(existsSync);
  if (executablePath === undefined) throw new Error('Install Chromium (Debian: apt-get install chromium).');
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu'] });
  try {
    for (const { name, viewport, colorScheme, locale, steps } of PICTURES) {
      if (names.length > 0 && !names.includes(name)) continue;
      const emulator = await startEmulator();
      const page = await browser.newPage({ viewport, colorScheme, locale, deviceScaleFactor: 1 });
      await steps(page, emulator.url);
      // The pointer would underline a button, and the message would hide a part of the section.
      await page.mouse.move(0, 0);
      await page.evaluate(`document.querySelector('#message').replaceChildren()`);
      await page.screenshot({ path: `${FOLDER}${name}.png` });
      await page.close();
      await emulator.stop();
    }
  } finally {
    await browser.close();
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await takePictures(process.argv.slice(2));
