import type { Operation } from '../http/operation.js';
import { PAGE_PATH } from './control.js';
import type { EmulatorState } from '../state/state.js';

/** The files of the page, and their media types. */
const FILES: ReadonlyMap<string, string> = new Map([
  ['index.html', 'text/html; charset=utf-8'],
  ['page.css', 'text/css; charset=utf-8'],
  ['icon.svg', 'image/svg+xml'],
  ...['page', 'api', 'dom', 'users', 'sign-ins', 'tokens', 'faults', 'codes', 'keys'].map(
    (name) => [`${name}.mjs`, 'text/javascript; charset=utf-8'] as const,
  ),
]);

/** The page loads only its own files, and pictures of captchas as `data:` URLs. It cannot be embedded. */
const CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "base-uri 'none'",
  "frame-ancestors 'none'",
  "form-action 'none'",
].join('; ');

/** The paths of the page and of its files. */
export const PAGE_PATHS: readonly string[] = ['', '/', ...[...FILES.keys()].map((name) => `/${name}`)].map(
  (path) => `${PAGE_PATH}${path}`,
);

/** Answers a path of {@link PAGE_PATHS}. */
export const getPage: Operation<EmulatorState> = async (_state, { path }) => {
  const name = path.split('/')[2] || 'index.html';
  const type = FILES.get(name) ?? 'text/html';
  try {
    // The module is loaded here and not with this file, because it uses `import.meta`. Test frameworks that compile the
    // emulator to CommonJS cannot load `import.meta`.
    const { readPageFile } = await import('./page-files.js');
    const headers = { 'content-type': type, 'content-security-policy': CSP, 'referrer-policy': 'no-referrer' };
    return { status: 200, headers, body: await readPageFile(name) };
  } catch {
    const reason = `The file ${name} of the page is missing, for example because the emulator was bundled`;
    const fix = 'Start the installed emulator: npx passport-genauth emulator';
    const text = `${reason}. ${fix}. The control paths work: GET /emulator/v1 lists them.\n`;
    return { status: 501, headers: { 'content-type': 'text/plain; charset=utf-8' }, body: text };
  }
};
