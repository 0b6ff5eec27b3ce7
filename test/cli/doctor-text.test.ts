import { PassThrough, Writable } from 'node:stream';
import { WriteStream } from 'node:tty';
import { formatReport } from '../../src/cli/doctor-text.js';
import type { DoctorReport, Finding } from '../../src/doctor/report.js';
import { hostProcess } from '../support/host-process.js';

/** The first line has exactly the maximum length. The last word does not fit into the second line by one character. */
const LONG = `${'word '.repeat(16)}words ${'word '.repeat(16)}longer`;
const advice = { impact: 'Logins fail.', fix: 'Set A=1' };
const findings: Finding[] = [
  { check: 'runtime', level: 'ok', code: 'runtime', message: LONG },
  { check: 'client', level: 'error', code: 'client_refused', message: 'Refused.', consolePage: 'page', ...advice },
  { check: 'discovery', level: 'warning', code: 'scope_unknown', message: 'Unknown.', ...advice },
  { check: 'login', level: 'skipped', code: 'not_checked', message: 'Not checked.' },
  { check: 'directory', level: 'skipped', code: 'not_checked', message: 'Not checked.' },
  { check: 'scopes', level: 'skipped', code: 'not_asked', message: 'Not asked.' },
];
const report: DoctorReport = {
  level: 'error',
  version: '1.2.3',
  node: '20.1.0',
  appHost: 'https://tenant.example',
  appId: 'app',
  findings,
};

test('prints each finding in columns of at most 110 characters, and combines equal skipped checks', () => {
  const lines = formatReport(report).split('\n');
  expect(lines.filter((line) => line.length > 110)).toEqual([]);
  expect(lines[2]).toHaveLength(110);
  expect(lines.filter((line) => !/word|longer/.test(line))).toEqual([
    'passport-genauth doctor 1.2.3: https://tenant.example, app app',
    '',
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
});

test('names no application if the options are invalid', () => {
  const lines = formatReport({ ...report, appHost: undefined, findings: [] }).split('\n');
  expect([lines[0], lines.at(-1)]).toEqual(['passport-genauth doctor 1.2.3', '0 errors, 0 warnings, 0 ok, 0 skipped.']);
});

describe('colours', () => {
  // Node reads FORCE_COLOR from the environment of its own process.
  const { FORCE_COLOR: forced } = hostProcess.env;
  beforeAll(() => void delete hostProcess.env['FORCE_COLOR']);
  afterAll(() => void Object.assign(hostProcess.env, forced !== undefined && { FORCE_COLOR: forced }));

  const createTerminal = (env: Record<string, string> = {}): Writable => {
    const getColorDepth = (): number => WriteStream.prototype.getColorDepth({ TERM: 'xterm', ...env });
    return Object.assign(new Writable(), { isTTY: true, getColorDepth });
  };
  const listColors = (stream?: Writable): string[] =>
    // oxlint-disable-next-line no-control-regex
    [...formatReport(report, stream).matchAll(/^\u001b\[(\d+)m/gm)].map(([, color = '']) => color);

  test('show the levels at a terminal', () => {
    const [GREEN, RED, YELLOW, DIM] = ['32', '31', '33', '2'];
    expect(listColors(createTerminal())).toEqual([GREEN, RED, YELLOW, DIM, DIM]);
  });

  test.each<[title: string, stream: Writable | undefined]>([
    ['in a file', new PassThrough()],
    ['without a stream', undefined],
    ['with NO_COLOR', createTerminal({ NO_COLOR: '1' })],
    ['at a terminal without colours', createTerminal({ TERM: 'dumb' })],
  ])('are missing %s', (_title, stream) => {
    expect(listColors(stream)).toEqual([]);
  });
});
