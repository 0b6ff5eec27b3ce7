import { SIGN_IN_PATH, useIssuer } from '../../support/issuer.js';
import { useClients } from '../../support/client.js';
import { ANSWER_ROWS, type AnswerRow, CODE_ROWS } from '../../support/sign-in-answer.js';

const ALICE = { account: 'alice', password: 'passw0rd' };
const SAID = { message: 'GenAuth says no', requestId: 'request-1' };
const CONFIGURATION = ['client_authentication_failed', 'app_not_found', 'plan_exhausted', 'connection_misconfigured'];

const issuer = useIssuer();
const open = useClients(issuer);

interface Result {
  name?: string;
  kind?: string;
  code?: string;
  statusCode?: number;
  apiCode?: number;
  message?: string;
  furtherStep?: boolean;
}
/** One sign-in: its outcome, or what it threw. */
const signIn = (body: object, reply: object = {}): Promise<Result> => {
  issuer().reply(SIGN_IN_PATH, { body, ...reply });
  return open()
    .signIn(ALICE)
    .catch((error: Error) => error as Result) as Promise<Result>;
};
const toBody = ({ statusCode, apiCode }: AnswerRow): object => ({ statusCode, apiCode, ...SAID, data: null });

function expectResult(result: Result, { statusCode, apiCode, kind, code, furtherStep }: AnswerRow): void {
  if (code === undefined) {
    expect(result).toMatchObject({ kind, statusCode, apiCode, ...SAID });
    expect(result.furtherStep).toBe(furtherStep);
  } else {
    const isOurs = CONFIGURATION.includes(code) || code === 'password_decryption_failed';
    expect(result).toBeInstanceOf(Error);
    expect(result).toMatchObject({ name: isOurs ? 'ConfigurationError' : 'UpstreamError', code });
    expect(result.statusCode).toBe(isOurs ? 500 : code === 'upstream_invalid_response' ? 502 : 503);
    // What the operator quotes to GenAuth's support.
    expect(result.message).toContain('"request-1"');
    if (statusCode !== 200) {
      const shownCode = apiCode === undefined ? 'no apiCode' : `apiCode ${apiCode}`;
      expect(result.message).toContain(
        `GenAuth answered statusCode ${statusCode}, ${shownCode}, message "GenAuth says no"`,
      );
    }
  }
}

it.each(ANSWER_ROWS.map((row) => [row.title, row] as const))('%s', async (_title, row) => {
  expectResult(await signIn(toBody(row)), row);
  // A refusal is never tried again, and never makes us look for keys.
  expect([issuer().count(SIGN_IN_PATH), issuer().count()]).toEqual([1, 1]);
});

describe('T10: the code is the same', () => {
  const spellings: [string, (code: number) => object][] = [
    ['as a text', (code) => ({ apiCode: String(code) })],
    ['under the name code', (code) => ({ code })],
    ['under the name code, as a text', (code) => ({ code: String(code) })],
    ['under both names', (code) => ({ apiCode: code, code: code + 1 })],
    ['beside an apiCode of null', (code) => ({ apiCode: null, code })],
    ['beside a flow handle and a unique ID', (code) => ({ apiCode: code, flowHandle: 'f', uniqueId: 'u' })],
  ];
  it.each(spellings)('%s', async (_name, spell) => {
    for (const row of CODE_ROWS) {
      const { apiCode = 0, statusCode } = row;
      const body = { statusCode, ...SAID, data: {}, ...spell(apiCode) };
      expectResult(await signIn(body), row);
    }
    expect(issuer().count(SIGN_IN_PATH)).toBe(CODE_ROWS.length);
  });

  it.each([
    ['a word', 'LOCKED'],
    ['a text with a sign', '-2333'],
    ['a text with a fraction', '2333.0'],
    ['a text in hex', '0x91d'],
    ['a text with a space', ' 2333'],
    ['full-width digits', '２３３３'],
    ['a fraction', 2333.5],
    ['a list', [2333]],
    ['an object', { code: 2333 }],
    ['true', true],
    ['an empty text', ''],
  ])('but not as %s: no code at all', async (_name, apiCode) => {
    expect(await signIn({ statusCode: 403, apiCode, ...SAID })).toMatchObject({ kind: 'rejected', apiCode: undefined });
    expect(await signIn({ statusCode: 401, apiCode, ...SAID })).toMatchObject({ code: 'client_authentication_failed' });
  });
});

describe('T12: the body counts before the HTTP status', () => {
  it.each([200, 201, 400, 401, 403, 404, 429, 499, 500, 503])('HTTP %i', async (status) => {
    for (const row of ANSWER_ROWS.filter(({ title }) => /\/(2333|1636|2011|4021)|^(200|429|500) /.test(title))) {
      expectResult(await signIn(toBody(row), { status }), row);
    }
  });

  it.each<[number, string, Result]>([
    [429, 'text/html', { kind: 'rate_limited', statusCode: 429 }],
    [500, 'text/html', { code: 'upstream_unavailable', statusCode: 503 }],
    [502, 'text/html', { code: 'upstream_unavailable', statusCode: 503 }],
    [504, 'application/json', { code: 'upstream_unavailable', statusCode: 503 }],
    [200, 'text/html', { code: 'upstream_invalid_response', statusCode: 502 }],
    [204, 'text/html', { code: 'upstream_invalid_response', statusCode: 502 }],
    [401, 'text/html', { code: 'upstream_invalid_response', statusCode: 502 }],
    [403, 'application/json', { code: 'upstream_invalid_response', statusCode: 502 }],
    [404, 'text/html', { code: 'upstream_invalid_response', statusCode: 502 }],
  ])('HTTP %i of a gateway, %s without GenAuth’s envelope', async (status, type, expected) => {
    for (const body of ['<html>no</html>', '{"error":"no"}', '"403"', '[{"statusCode":200}]', '{"statusCode":"200"}']) {
      expect(await signIn({}, { status, body, headers: { 'content-type': type } })).toMatchObject(expected);
    }
  });

  it.each([
    ['7', 7],
    ['0', 0],
    ['99999', 3600],
    ['soon', undefined],
    ['-1', undefined],
  ])('Retry-After: %s', async (header, retryAfter) => {
    const headers = { 'retry-after': header };
    for (const status of [200, 429]) {
      expect(await signIn({ statusCode: 429 }, { status, headers })).toMatchObject({
        kind: 'rate_limited',
        retryAfter,
      });
      expect(await signIn({ statusCode: 503 }, { status, headers })).toMatchObject({ retryAfter });
      expect(await signIn({ statusCode: 403, apiCode: 1002 }, { headers })).toMatchObject({ retryAfter });
    }
    expect(await signIn({}, { status: 429, body: '', headers })).toMatchObject({ kind: 'rate_limited', retryAfter });
  });
});

describe('the data of the next step', () => {
  const FACTORS = [
    { mfaPolicy: 'SMS', status: 1, sort: 0 },
    { mfaPolicy: 'OTP', status: 1, sort: 1 },
  ];
  it.each<[string, number, number, object, object]>([
    ['tries that are left', 403, 2333, { remainCount: 2 }, { remainingAttempts: 2 }],
    ['no try left', 403, 2333, { remainCount: 0 }, { remainingAttempts: 0 }],
    ['tries that are not told', 403, 2333, {}, { remainingAttempts: undefined }],
    [
      'MFA',
      301,
      1636,
      { mfaToken: 't', applicationMfa: FACTORS, mfaPhone: '1' },
      { mfaToken: 't', applicationMfa: FACTORS },
    ],
    ['MFA without data', 301, 1635, {}, { mfaToken: undefined, applicationMfa: [] }],
    ['a new password', 301, 1639, { token: 'f' }, { flowToken: 'f' }],
    ['a binding', 301, 1640, { token: 'f' }, { flowToken: 'f' }],
    ['a profile', 301, 1642, { token: 'f' }, { flowToken: 'f' }],
    ['a profile without token', 301, 1645, {}, { flowToken: undefined }],
  ])('%s', async (_name, statusCode, apiCode, data, expected) => {
    const result = await signIn({ statusCode, apiCode, ...SAID, data });
    expect(result).toEqual({ kind: expect.any(String), statusCode, apiCode, ...SAID, ...expected });
  });

  it('data of any other shape is none', async () => {
    for (const data of [null, [], 'x', 5, true, [{ mfaToken: 't' }]]) {
      const result = await signIn({ statusCode: 301, apiCode: 1636, data });
      expect(result).toMatchObject({ kind: 'mfa_required', mfaToken: undefined, applicationMfa: [], message: '' });
    }
  });
});
