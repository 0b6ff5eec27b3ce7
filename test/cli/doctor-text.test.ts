import { PassThrough } from 'node:stream';
import { WriteStream } from 'node:tty';
import { formatReport } from '../../src/cli/doctor-text.js';
import type { DoctorReport } from '../../src/doctor/report.js';
import { hostProcess } from '../support/host-process.js';

/** The first line has exactly the maximum length. The last word does not fit into the second line by one character. */
const WORDS = 'word '.repeat(16);
const LONG = `${WORDS}words ${WORDS}longer`;
const advice = { impact: 'Logins fail.', fix: 'Set A=1' };
const report: DoctorReport = {
  level: 'error',
  version: '1.2.3',
  node: '20.1.0',
  appHost: 'https://tenant.example',
  appId: 'app',
  findings: [
    { check: 'runtime', level: 'ok', code: 'runtime', message: LONG },
    { check: 'client', level: 'error', code: 'client_refused', message: 'Refused.', consolePage: 'page', ...advice },
    { check: 'discovery', level: 'warning', code: 'scope_unknown', message: 'Unknown.', ...advice },
    { check: 'login', level: 'skipped', code: 'not_checked', message: 'Not checked.' },
    { check: 'directory', level: 'skipped', code: 'not_checked', message: 'Not checked.' },
    { check: 'scopes', level: 'skipped', code: 'not_asked', message: 'Not asked.' },
  ],
};

test('prints each finding in columns of at most 110 characters, and combines equal skipped checks', () => {
  expect(formatReport(report).split('\n')).toEqual([
    'passport-genauth doctor 1.2.3: https://tenant.example, app app',
    '',
    `ok        runtime        ${WORDS}words`,
    `                         ${WORDS.trim()}`,
    '                         longer',
    'error     client         Refused.',
    '                         impact    Logins fail.',
    '                         console   page',
    '                         fix       Set A=1',
    '                         code      client_refused',
    'warning   discovery      Unknown.',
    '                         impact    Logins fail.',
    '                         fix       Set A=1',
    '                         code      scope_unknown',
    'skipped   login          (and directory) Not checked.',
    'skipped   scopes         Not asked.',
    '',
    '1 error, 1 warning, 1 ok, 3 skipped.',
  ]);
  const empty = formatReport({ ...report, appHost: undefined, findings: [] });
  expect(empty).toBe('passport-genauth doctor 1.2.3\n\n\n0 errors, 0 warnings, 0 ok, 0 skipped.');
});

// Node reads FORCE_COLOR from the environment of its own process.
const { FORCE_COLOR: forced } = hostProcess.env;
beforeAll(() => void delete hostProcess.env['FORCE_COLOR']);
afterAll(() => void Object.assign(hostProcess.env, forced !== undefined && { FORCE_COLOR: forced }));
const createTerminal = (env: Record<string, string>) =>
  Object.assign(new PassThrough(), { isTTY: true, getColorDepth: () => WriteStream.prototype.getColorDepth(env) });
const [GREEN, RED, YELLOW, DIM] = ['32', '31', '33', '2'];

test.each([
  ['colours at a terminal', createTerminal({ TERM: 'xterm' }), [GREEN, RED, YELLOW, DIM, DIM]],
  ['no colours in a file', new PassThrough(), []],
  ['no colours with NO_COLOR', createTerminal({ TERM: 'xterm', NO_COLOR: '1' }), []],
])('shows the levels with %s', (_title, stream, colors) => {
  // oxlint-disable-next-line no-control-regex
  const found = [...formatReport(report, stream).matchAll(/^\u001b\[(\d+)m/gm)].map(([, color]) => color);
  expect(found).toEqual(colors);
});
