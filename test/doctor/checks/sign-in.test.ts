import type {
  EmulatorSignInAnswer,
  GenAuthEmulator,
  GenAuthEmulatorOptions,
  IdTokenFlaw,
} from '../../../src/emulator/index.js';
import { runDoctor } from '../../../src/doctor/run-doctor.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import {
  EVERYTHING,
  PASSWORD,
  REFRESH_TOKEN,
  SECRETS,
  accessClaims,
  answerSignIn,
  echoSignIn,
  idClaims,
  makeTokens,
} from '../../support/canary.js';
import { type Issuer, SIGN_IN_PATH, useIssuer } from '../../support/issuer.js';
import {
  AD_PASSWORD,
  EVERYBODY,
  PASSWORDS,
  SECRET,
  environmentOf,
  expectDecent,
  listProblems,
  useEmulators,
  visit,
} from '../support.js';

const emulate = useEmulators();
const ALICE = ['--account', 'alice'];

describe('a sign-in that GenAuth does not complete', () => {
  test.each<[string, string[], string[], string]>([
    ['a wrong password', ALICE, ['wrong'], 'login: error login_wrong'],
    ['an account that nobody has', ['--account', 'nobody'], [PASSWORD], 'login: error login_wrong'],
    ['a wrong AD password', ['--ad-account', 'zhangsan'], ['wrong'], 'directory: error login_wrong'],
    ['a password that is too long', ALICE, ['x'.repeat(1025)], 'login: error login_impossible'],
  ])('%s', async (_name, args, passwords, expected) => {
    const { code, problems } = await visit(environmentOf(await emulate()), args, passwords);
    expect([code, problems]).toEqual([2, [expected]]);
  });

  type Answer = Omit<EmulatorSignInAnswer, 'account'>;
  test.each<[string, Answer, problem: string]>([
    ['locked', { statusCode: 403, apiCode: 2005 }, 'error login_locked'],
    ['not allowed', { statusCode: 403, apiCode: 2130010 }, 'error login_denied'],
    ['disabled', { statusCode: 403, apiCode: 2120008 }, 'error login_denied'],
    ['too many', { statusCode: 429, apiCode: 1002 }, 'error login_rate_limited'],
    ['a code that nobody knows', { statusCode: 403, apiCode: 424242 }, 'error login_refused'],
    ['a captcha', { statusCode: 403, apiCode: 2000 }, 'warning login_needs_step'],
    ['a second factor', { statusCode: 301, apiCode: 1636, data: { mfaToken: 'm' } }, 'warning login_needs_step'],
    ['a new password', { statusCode: 301, apiCode: 1639, data: { token: 't' } }, 'warning login_needs_step'],
    ['a step that nobody knows', { statusCode: 301, apiCode: 1644 }, 'warning login_needs_step'],
    ['the plan', { statusCode: 402, apiCode: 4021 }, 'error login_plan_exhausted'],
    ['no such app', { statusCode: 499, apiCode: 2011 }, 'error login_app_not_found'],
    ['no such client', { statusCode: 401 }, 'error login_client_authentication_failed'],
    ['a password that it cannot decrypt', { statusCode: 499, apiCode: 2016 }, 'error login_password_decryption_failed'],
    ['an outage', { statusCode: 500 }, 'error login_failed'],
    [
      'a broken connection to the directory',
      { statusCode: 422, apiCode: 2820002 },
      'error login_connection_misconfigured',
    ],
    ['a directory that is down', { statusCode: 601 }, 'error login_failed'],
    ['a directory that is slow', { statusCode: 408 }, 'error login_failed'],
  ])('%s, for a password and for AD', async (_name, answer, problem) => {
    const emulator = await emulate();
    // The words are GenAuth's, and hold what it was sent.
    emulator.answerSignIn({ ...answer, message: `no: ${EVERYTHING}`, times: 2 });
    const { code, problems, report } = await visit(environmentOf(emulator), EVERYBODY, PASSWORDS);
    expect(problems).toEqual([`login: ${problem}`, `directory: ${problem}`]);
    expect(code).toBe(problem.startsWith('error') ? 2 : 1);
    expect(report.findings).toContainEqual(
      expect.objectContaining({ check: 'login', message: expect.stringContaining(`${answer.statusCode}`) as string }),
    );
    expect(emulator.signIns).toHaveLength(2);
  });

  test.each<[string, number, object]>([
    ['mfaToken', 1636, { mfaToken: SECRETS.mfaToken }],
    ['flowToken', 1639, { token: SECRETS.flowToken }],
  ])("GenAuth's message has the %s of the next step", async (name, apiCode, data) => {
    const emulator = await emulate();
    const message = `with ${SECRETS[name as 'mfaToken' | 'flowToken']}`;
    emulator.answerSignIn({ statusCode: 301, apiCode, data, message });
    const { report } = await visit(environmentOf(emulator), ALICE, [PASSWORD]);
    expect(report.findings).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining('"with [hidden]"') as string }),
    );
  });

  test.each([
    ['login control', ALICE, 'login'],
    ['LDAP and AD', ['--ad-account', 'zhangsan'], 'directory'],
  ])('names the page %s', async (page, args, check) => {
    const emulator = await emulate();
    emulator.answerSignIn({ statusCode: 403, apiCode: 424242 });
    const { report } = await visit(environmentOf(emulator), args, [PASSWORD]);
    expect(report.findings).toContainEqual(
      expect.objectContaining({ check, consolePage: expect.stringContaining(page) as string }),
    );
  });

  test.each<[string, (emulator: GenAuthEmulator) => void]>([
    ['drops the connection', (emulator) => emulator.fault({ endpoint: 'signin', drop: true })],
    ['answers a page', (emulator) => emulator.fault({ endpoint: 'signin', status: 502, body: EVERYTHING })],
    ['answers 200 and a page', (emulator) => emulator.fault({ endpoint: 'signin', status: 200, body: EVERYTHING })],
  ])('GenAuth %s', async (_name, arrange) => {
    const emulator = await emulate();
    arrange(emulator);
    expect((await visit(environmentOf(emulator), ALICE, [PASSWORD])).problems).toEqual(['login: error login_failed']);
  });
});

describe('a sign-in that something else keeps from its end', () => {
  type Row = [
    name: string,
    options: GenAuthEmulatorOptions,
    arrange: (emulator: GenAuthEmulator) => Partial<GenAuthOptions>,
    others: string[],
    said: string,
  ];
  test.each<Row>([
    [
      'another issuer',
      {},
      ({ url }) => ({ issuer: `${url}/other` }),
      ['discovery: error issuer_mismatch', 'keys: error jwks_unusable'],
      'set the option issuer',
    ],
    [
      'keys on another host',
      {},
      (emulator) => {
        const body = { issuer: `${emulator.url}/oidc`, jwks_uri: 'https://keys.invalid/jwks' };
        emulator.fault({ endpoint: 'discovery', body, times: 9 });
        return {};
      },
      ['discovery: error jwks_uri_foreign', 'keys: error jwks_unusable'],
      'set the option jwksUri',
    ],
    [
      'a vault that gives its secret once',
      {},
      () => {
        let asked = 0;
        const appSecret = (): string => {
          if (asked++ > 0) throw new Error(`no: ${EVERYTHING}`);
          return SECRET;
        };
        return { appSecret };
      },
      [],
      'appSecret threw',
    ],
    [
      'a secret that is too short for HS256',
      { idTokenSignedResponseAlg: 'HS256', appSecret: 'short' },
      () => ({ appSecret: () => 'short' }),
      [],
      'HS256 needs 32',
    ],
  ])('%s', async (...[, options, arrange, others, said]: Row) => {
    const emulator = await emulate(options);
    const given = { ...emulator.clientOptions, ...arrange(emulator) };
    const signIns = [
      { account: 'alice', password: PASSWORD },
      { sAMAccountName: 'zhangsan', password: AD_PASSWORD },
    ];
    const report = await runDoctor({ options: given, signIns, env: {} });
    expectDecent(report);
    expect(listProblems(report)).toEqual([...others, 'login: error check_failed', 'directory: error check_failed']);
    expect(report.findings).toContainEqual(
      expect.objectContaining({ code: 'check_failed', message: expect.stringContaining(said) as string }),
    );
  });
});

describe('tokens that are refused', () => {
  test.each<[string, GenAuthEmulatorOptions, Record<string, string>, fix: string]>([
    [
      'the tenant signs HS256, as it comes',
      { idTokenSignedResponseAlg: 'HS256' },
      {},
      'Choose RS256 on the console page, or set GENAUTH_ID_TOKEN_ALG=HS256',
    ],
    [
      'the tenant signs RS256, the setting is HS256',
      {},
      { GENAUTH_ID_TOKEN_ALG: 'HS256' },
      'Choose HS256 on the console page, or set GENAUTH_ID_TOKEN_ALG=RS256',
    ],
  ])('%s', async (_name, options, changes, fix) => {
    const { code, problems, report } = await visit(
      { ...environmentOf(await emulate(options)), ...changes },
      EVERYBODY,
      PASSWORDS,
    );
    expect([code, problems]).toEqual([2, ['tokens: error id_token_algorithm']]);
    expect(report.findings).toContainEqual(
      expect.objectContaining({ fix, consolePage: expect.stringContaining('id_token signature algorithm') as string }),
    );
  });

  test('the tenant signs HS256, and so says the setting', async () => {
    const env = {
      ...environmentOf(await emulate({ idTokenSignedResponseAlg: 'HS256' })),
      GENAUTH_ID_TOKEN_ALG: 'HS256',
    };
    expect((await visit(env, EVERYBODY, PASSWORDS)).problems).toEqual([]);
  });

  test.each<[IdTokenFlaw, string, message: RegExp, fix?: string]>([
    ['expired', 'id_token_clock', /^By the clock of this machine, the id_token expired \d+ s ago\.$/],
    [
      'not_yet_valid',
      'id_token_clock',
      /^By the clock of this machine, the id_token is not valid yet\. It becomes valid in \d+ s\.$/,
    ],
    [
      'wrong_issuer',
      'id_token_issuer',
      /^The issuer of the id_token is "https:\/\/issuer\.invalid\/oidc", but the options expect "http:[^"]+\/oidc"\.$/,
      'Set GENAUTH_ISSUER=https://issuer.invalid/oidc',
    ],
    [
      'wrong_audience',
      'id_token_audience',
      /^The id_token is for "[^"]+" \(aud\), but this application is "genauth-emulator-app"\.$/,
      'Set GENAUTH_APP_ID=<App ID>',
    ],
    ['unknown_kid', 'id_token_key', /^The id_token is signed with key "[^"]+", which the key set does not have\.$/],
    ['foreign_key', 'id_token_signature', /^The signature of the id_token is wrong\.$/],
    ['tampered', 'id_token_signature', /^The signature of the id_token is wrong\.$/],
    ['unsigned', 'id_token_refused', /^The id_token cannot be used \(token_malformed\)\.$/],
    ['missing_sub', 'id_token_refused', /^The id_token has an invalid sub: undefined\.$/],
    ['other_subject', 'id_token_refused', /^The id_token and the access token belong to different users \(sub\)\.$/],
    ['bad_at_hash', 'id_token_refused', /^The id_token belongs to another access token \(at_hash\)\.$/],
  ])('an id_token that is %s: %s', async (flaw, code, message, fix = '') => {
    const emulator = await emulate();
    emulator.flawIdToken(flaw);
    const { problems, report } = await visit(environmentOf(emulator), ALICE, [PASSWORD]);
    expect(problems).toEqual([`tokens: error ${code}`]);
    // The password is not what is wrong.
    expect(report.findings).toContainEqual(expect.objectContaining({ check: 'login', level: 'ok' }));
    expect(report.findings).toContainEqual(
      expect.objectContaining({
        code,
        message: expect.stringMatching(message) as string,
        fix: expect.stringContaining(fix) as string,
      }),
    );
  });

  test("GenAuth's clock is an hour ahead: the tokens are of the future", async () => {
    const { problems } = await visit(environmentOf(await emulate({ clockDrift: 3600 })), ALICE, [PASSWORD]);
    expect(problems).toContain('tokens: error id_token_clock');
  });

  test("GenAuth's clock is an hour behind: the tokens are old when they come", async () => {
    const { problems } = await visit(environmentOf(await emulate({ clockDrift: -3600 })), ALICE, [PASSWORD]);
    expect(problems).toContain('tokens: warning clock_ahead');
  });
});

describe('scopes', () => {
  test.each<[string, string, string[], string]>([
    ['all is there', 'openid email phone username', [], ''],
    ['offline_access brings a refresh token', 'openid offline_access', [], ''],
    ['null for this account', 'openid external_id', ['scopes: warning scope_empty'], 'external_id'],
    [
      'one that GenAuth does not know',
      'openid emial',
      ['discovery: warning scope_unknown', 'scopes: warning scope_not_granted'],
      'emial',
    ],
  ])('%s: %s', async (_name, scope, expected, named) => {
    const env = { ...environmentOf(await emulate()), GENAUTH_SCOPE: scope };
    const { code, problems, report } = await visit(env, ALICE, [PASSWORD]);
    expect([code, problems]).toEqual([expected.length === 0 ? 0 : 1, expected]);
    for (const finding of report.findings) if (finding.level === 'warning') expect(finding.message).toContain(named);
  });
});

describe('by a server of the test', () => {
  const issuer = useIssuer();
  const signIns = [{ account: 'alice', password: PASSWORD }];

  async function examine(arrange: (at: Issuer) => void, scope = ['openid']) {
    issuer().reply('/oidc/token', { status: 400, body: { error: 'invalid_grant' } });
    issuer().reply('/oidc/token/introspection', { body: { active: false } });
    issuer().reply('/oidc/token/revocation', { body: 'true' });
    arrange(issuer());
    const options = { ...issuer().clientOptions, appSecret: SECRET, scope };
    const report = await runDoctor({ options, signIns, clientIp: '203.0.113.7', env: {} });
    expectDecent(report);
    return { problems: listProblems(report), report };
  }

  const LONG_ISSUER = `https://tenant.example/${'long/'.repeat(40)}oidc`;
  test.each<[string, (at: Issuer) => string, object]>([
    [
      'an issuer longer than a quotation',
      (at) => at.sign({ ...idClaims(at), iss: LONG_ISSUER }),
      { code: 'id_token_issuer', fix: `Set the option issuer: '${LONG_ISSUER}'` },
    ],
    [
      'an issuer that would end the string in the code',
      (at) => at.sign({ ...idClaims(at), iss: "https://tenant.example/', reboot: '" }),
      { code: 'id_token_issuer', fix: "Set the option issuer: '<issuer>'" },
    ],
    [
      'an algorithm that GenAuth does not offer',
      (at) => at.sign(idClaims(at), { alg: 'ES256' }),
      {
        code: 'id_token_algorithm',
        message: 'The id_token is signed with "ES256", but the options expect "RS256".',
        fix: 'Choose RS256 on the console page.',
      },
    ],
  ])('an id_token with %s', async (_name, makeIdToken, expected) => {
    const { report } = await examine((at) => answerSignIn(at, { ...makeTokens(at), idToken: makeIdToken(at) }));
    expect(report.findings).toContainEqual(expect.objectContaining(expected));
  });

  test.each<[string, (at: Issuer) => void, string[], string[]]>([
    ['all is well', (at) => answerSignIn(at, makeTokens(at)), ['openid'], []],
    [
      'a scope without its claims',
      (at) => answerSignIn(at, makeTokens(at), { scope: 'openid email' }),
      ['openid', 'email'],
      ['scopes: warning scope_without_claims'],
    ],
    [
      'an alias of a claim',
      (at) => {
        const idToken = at.sign({ ...idClaims(at), externalId: 'x' });
        answerSignIn(at, { ...makeTokens(at), idToken }, { scope: 'openid external_id' });
      },
      ['openid', 'external_id'],
      [],
    ],
    [
      'offline_access without a refresh token',
      (at) => answerSignIn(at, makeTokens(at), { scope: 'openid offline_access', refresh_token: undefined }),
      ['openid', 'offline_access'],
      ['scopes: warning refresh_token_missing'],
    ],
    [
      'an access token for another audience',
      (at) => answerSignIn(at, { ...makeTokens(at), accessToken: at.sign({ ...accessClaims(at), aud: 'another' }) }),
      ['openid'],
      ['tokens: error access_token_refused'],
    ],
    [
      'an id_token of ten minutes ago',
      (at) =>
        answerSignIn(at, { ...makeTokens(at), idToken: at.sign({ ...idClaims(at), iat: idClaims(at).iat - 600 }) }),
      ['openid'],
      ['tokens: warning clock_ahead'],
    ],
    ['a success without tokens', (at) => void echoSignIn(at, 200), ['openid'], ['login: error login_failed']],
    [
      'a wrong password, with everything sent back',
      (at) => void echoSignIn(at, 403, 2333),
      ['openid'],
      ['login: error login_wrong'],
    ],
    [
      'an outage, with everything sent back',
      (at) => void echoSignIn(at, 503),
      ['openid'],
      ['login: error login_failed'],
    ],
    [
      'everything sent back in the message and the id of the request',
      (at) => void echoSignIn(at, 403, 2333, { message: EVERYTHING, requestId: EVERYTHING }),
      ['openid'],
      ['login: error login_wrong'],
    ],
    [
      'an outage with everything in the id of the request',
      (at) => void echoSignIn(at, 503, undefined, { message: EVERYTHING, requestId: PASSWORD }),
      ['openid'],
      ['login: error login_failed'],
    ],
    [
      'a refusal of the app in OAuth',
      (at) => at.reply(SIGN_IN_PATH, { status: 401, body: { error: 'invalid_client' } }),
      ['openid'],
      ['login: error login_client_authentication_failed'],
    ],
  ])('%s', async (_name, arrange, scope, expected) => {
    expect((await examine(arrange, scope)).problems).toEqual(expected);
  });

  test('where there is no journal, the client IP was sent, and that is all that can be said', async () => {
    const { report } = await examine((at) => answerSignIn(at, makeTokens(at)));
    expect(report.findings).toContainEqual(expect.objectContaining({ check: 'address', code: 'client_ip_sent' }));
    expect(issuer().requests.find(({ path }) => path === SIGN_IN_PATH)?.body).toContain('203.0.113.7');
  });

  test('a journal that has another address', async () => {
    const { problems } = await examine((at) => {
      answerSignIn(at, makeTokens(at));
      at.reply('/emulator/v1/sign-ins', {
        body: [
          { requestId: 'request-0', clientIp: '203.0.113.7' },
          { requestId: 'request-1', clientIp: PASSWORD },
        ],
      });
    });
    expect(problems).toEqual(['address: warning client_ip_lost']);
  });

  test('the refresh token is revoked, and with it what it could renew', async () => {
    await examine(
      (at) => answerSignIn(at, makeTokens(at), { scope: 'openid offline_access' }),
      ['openid', 'offline_access'],
    );
    const revoked = issuer()
      .requests.filter(({ path }) => path === '/oidc/token/revocation')
      .map(({ body }) => new URLSearchParams(body).get('token'));
    expect(revoked).toEqual(['passport-genauth-doctor', REFRESH_TOKEN]);
  });
});
