import { checkClock } from '../../../src/doctor/checks/clock.js';
import { expectFindings, useContexts } from '../support.js';

const createContext = useContexts();
const SERVER = Date.parse('2026-01-01T00:00:00Z');
const DATE = new Date(SERVER).toUTCString();

type Row = [title: string, date: string | undefined, sent: number, received: number, outline: string, part: string];
// The Date header has whole seconds, so GenAuth's time is half a second later on average.
test.each<Row>([
  ['5 s behind', DATE, -4500, -4500, 'ok clock', 'Date header (5 s apart, 5 s allowed).'],
  ['6 s behind', DATE, -5500, -5500, 'clock_behind', "is 6 s behind GenAuth's Date header."],
  ['5 s ahead', DATE, 5500, 5500, 'ok clock', '(5 s apart'],
  ['6 s ahead', DATE, 6500, 6500, 'clock_ahead', "is 6 s ahead of GenAuth's Date header."],
  ['the middle between request and answer', DATE, -19_500, 500, 'clock_behind', 'is 10 s behind'],
  ['an answer without a Date header', undefined, 0, 0, 'skipped clock_unknown', 'has no Date header.'],
])('judges %s', async (...[, date, sent, received, outline, part]: Row) => {
  const context = createContext();
  const times = { sentAt: SERVER + sent, receivedAt: SERVER + received };
  context.probe = { status: 200, date, location: undefined, certificateEnds: undefined, ...times };
  expectFindings(await checkClock(context), outline, part);
});
