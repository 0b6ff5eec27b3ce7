// Takes the pictures of docs/pictures with Chromium. It starts the built sample application with its emulator.
// Build first, then take all pictures, or those whose names begin with one of the arguments:
//   npm run compile && npm run build:sample && node .ci/pictures.mjs [NAME...]
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';

const ROOT = join(import.meta.dirname, '..');
const FOLDER = join(ROOT, 'docs/pictures');
const MAX_BYTES = 80_000;
const DESKTOP = { width: 800, height: 640 };
const LONG = { width: 720, height: 740 };
const PHONE = { width: 375, height: 720 };

/**
 * The pictures. `steps` brings the page into the state of the picture: it receives the page, the addresses of the
 * sample application and of the emulator, and `control`, which sends a request to the emulator's control paths. The
 * emulator is reset before each picture. Defaults: the viewport `DESKTOP`, a light page, English, and the whole page.
 */
const PICTURES = [
  { name: 'sample-signed-out', steps: openSample },
  { name: 'sample-signed-in', viewport: LONG, fullPage: false, steps: signIn('alice') },
  { name: 'sample-captcha', steps: failTimes(4) },
  { name: 'sample-locked', steps: lock },
  { name: 'sample-mfa-required', steps: requireSecondFactor },
  { name: 'sample-forbidden', fullPage: false, steps: signIn('bob') },
  { name: 'sample-phone', viewport: PHONE, fullPage: false, steps: signIn('alice') },
  { name: 'sample-dark', colorScheme: 'dark', viewport: LONG, fullPage: false, steps: signIn('alice') },
  { name: 'sample-chinese', locale: 'zh-CN', steps: openSample },
];

async function openSample({ page, sampleUrl }) {
  await page.goto(sampleUrl);
  await page.waitForSelector('#test-users:not([hidden])');
}

async function sendForm(page, account, password) {
  await page.fill('#name', account);
  await page.fill('#password', password);
  await page.click('#submit');
}

function signIn(account) {
  return async (context) => {
    await openSample(context);
    await sendForm(context.page, account, 'passw0rd');
    await context.page.waitForSelector('#orders');
    await context.page.waitForSelector('#received:not([hidden])');
  };
}

function failTimes(count) {
  return async (context) => {
    const { page } = context;
    await openSample(context);
    for (let i = 0; i < count; i += 1) {
      const response = page.waitForResponse('**/auth/login');
      await sendForm(page, 'alice', 'wrong');
      await response;
      await page.waitForSelector('#failure:not([hidden])');
    }
    await page.waitForFunction(() => document.querySelector('#submit').ariaDisabled === null);
  };
}

async function lock(context) {
  await context.control('PATCH', '/users/alice', { lockout: true });
  await failTimes(1)(context);
}

async function requireSecondFactor(context) {
  await context.control('PATCH', '/users/alice', { mfa: ['OTP'] });
  await openSample(context);
  await sendForm(context.page, 'alice', 'passw0rd');
  await context.page.waitForSelector('#further-step:not([hidden])');
}

/** Starts the sample application on free ports, and returns its addresses when it listens. */
async function startSample() {
  const limits = { EMULATOR_CAPTCHA_AFTER: '3', EMULATOR_LOCK_AFTER: '6' };
  const env = { ...process.env, PORT: '0', EMULATOR_PORT: '0', ...limits };
  delete env.GENAUTH_APP_HOST;
  const child = spawn(process.execPath, [join(ROOT, 'dist-sample/express.js')], {
    cwd: FOLDER,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let emulatorUrl;
  for await (const line of createInterface(child.stdout)) {
    emulatorUrl = /^Emulator page: (\S+)\/emulator$/.exec(line)?.[1] ?? emulatorUrl;
    const sampleUrl = /^Sample app .* listening on (\S+)/.exec(line)?.[1];
    if (sampleUrl !== undefined) return { child, emulatorUrl, sampleUrl };
  }
  throw new Error('The sample application did not start.');
}

async function sendControl(url, method, path, body) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/emulator/v1${path}`, { method, headers, body: JSON.stringify(body ?? {}) });
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
  return response.json();
}

async function take(browser, { emulatorUrl, sampleUrl }, picture) {
  const { name, steps, viewport = DESKTOP, colorScheme = 'light', locale = 'en-US', fullPage = true } = picture;
  const control = (method, path, body) => sendControl(emulatorUrl, method, path, body);
  await control('POST', '/reset');
  await control('PATCH', '/users/alice', { lockout: false, mfa: false });
  const context = await browser.newContext({ viewport, colorScheme, locale, reducedMotion: 'reduce' });
  const page = await context.newPage();
  await steps({ page, sampleUrl, emulatorUrl, control });
  const path = join(FOLDER, `${name}.png`);
  // A focus ring belongs to the keyboard. Without the pointer no control is shown as hovered.
  await page.mouse.move(0, 0);
  await page.screenshot({ path, fullPage });
  await context.close();
  const { size } = statSync(path);
  console.log(`${name}.png  ${Math.ceil(size / 1000)} kB`);
  if (size > MAX_BYTES) throw new Error(`${name}.png has more than ${MAX_BYTES} bytes: make its viewport smaller.`);
}

const given = process.argv.slice(2);
const chosen = PICTURES.filter(({ name }) => given.length === 0 || given.some((each) => name.startsWith(each)));
mkdirSync(FOLDER, { recursive: true });
const sample = await startSample();
const browser = await chromium.launch({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] });
try {
  for (const picture of chosen) await take(browser, sample, picture);
} finally {
  await browser.close();
  sample.child.kill();
  await once(sample.child, 'exit');
}
