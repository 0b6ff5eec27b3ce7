import { APP_ID, SUBJECT, useIssuer } from '../../support/issuer.js';
import { hashAccessToken } from '../../support/token.js';
import { KINDS, type Material, VerifierBench, titled } from '../../support/token-verifier.js';

/** Claims that are other than in a right payload; `undefined` takes one out. */
type Change = Record<string, unknown>;

const OTHER_APP = '65f0c1d2e3a4b5c6d7e8f9ff';
const YEAR = 366 * 86_400;

const issuer = useIssuer();
const bench = new VerifierBench(issuer);
const forgeClaims = ({ forge, header, payload }: Material, change: Change): string =>
  forge(header, { ...payload, ...change });

describe.each(KINDS)('%s', (kind) => {
  it.each<[string, (right: Material) => Change]>([
    ['aud as a list of one', () => ({ aud: [APP_ID] })],
    ['azp of our own', () => ({ azp: APP_ID })],
    ['two audiences, and azp of our own', () => ({ aud: [OTHER_APP, APP_ID], azp: APP_ID })],
    ['sub of one character', () => ({ sub: '0' })],
    ['sub of 255 characters', () => ({ sub: 's'.repeat(255) })],
    ['times with fractions', ({ seconds }) => ({ iat: seconds - 0.5, exp: seconds + 0.5, nbf: seconds - 0.25 })],
    ['the longest lifetime', ({ seconds }) => ({ iat: seconds, exp: seconds + YEAR })],
    ['a lifetime of a second', ({ seconds }) => ({ iat: seconds, exp: seconds + 1 })],
    ['iat of years ago', ({ seconds }) => ({ iat: seconds - 10_000, exp: seconds + 1000 })],
    ['claims that nobody reads', () => ({ iss2: 'evil', roles: ['admin'], auth_time: 'never', nothing: null })],
  ])('%s: passes', async (_, change) => {
    const material = bench.material(kind);
    const claims = { ...material.payload, ...change(material) };
    expect(await bench.verify(kind, forgeClaims(material, claims))).toEqual(claims);
  });

  it('claims __proto__ and constructor are data, and reach nobody’s prototype', async () => {
    const { forge, header, payload } = bench.material(kind);
    const json = `{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},${JSON.stringify(payload).slice(1)}`;
    const claims = await bench.verify(kind, forge(header, json));
    expect([claims['polluted'], ({} as Change)['polluted'], claims.sub]).toEqual([undefined, undefined, SUBJECT]);
  });

  it.each(
    titled<(right: Material) => Change>([
      ['no iss', () => ({ iss: undefined }), 'token_issuer_mismatch'],
      ['iss null', () => ({ iss: null }), 'token_issuer_mismatch'],
      ['iss a number', () => ({ iss: 7 }), 'token_issuer_mismatch'],
      ['iss empty', () => ({ iss: '' }), 'token_issuer_mismatch'],
      ['iss a list that holds the right one', ({ payload }) => ({ iss: [payload['iss']] }), 'token_issuer_mismatch'],
      [
        'iss with a slash at the end',
        ({ payload }) => ({ iss: `${String(payload['iss'])}/` }),
        'token_issuer_mismatch',
      ],
      ['iss in capitals', ({ payload }) => ({ iss: String(payload['iss']).toUpperCase() }), 'token_issuer_mismatch'],
      ['iss the host alone', () => ({ iss: issuer().url }), 'token_issuer_mismatch'],
      [
        'iss with more behind it',
        ({ payload }) => ({ iss: `${String(payload['iss'])}.evil.invalid` }),
        'token_issuer_mismatch',
      ],
      ['iss of another host', () => ({ iss: 'https://evil.invalid/oidc' }), 'token_issuer_mismatch'],
      ['iss with a space', ({ payload }) => ({ iss: ` ${String(payload['iss'])}` }), 'token_issuer_mismatch'],
      ['iss with an escape sequence', () => ({ iss: '\u001B[2J\r\n\u202E' }), 'token_issuer_mismatch'],
      ['no sub', () => ({ sub: undefined }), 'token_claim_invalid'],
      ['sub null', () => ({ sub: null }), 'token_claim_invalid'],
      ['sub empty', () => ({ sub: '' }), 'token_claim_invalid'],
      ['sub a number', () => ({ sub: 1 }), 'token_claim_invalid'],
      ['sub true', () => ({ sub: true }), 'token_claim_invalid'],
      ['sub a list', () => ({ sub: [SUBJECT] }), 'token_claim_invalid'],
      ['sub an object', () => ({ sub: { toString: SUBJECT } }), 'token_claim_invalid'],
      ['sub of 256 characters', () => ({ sub: 's'.repeat(256) }), 'token_claim_invalid'],
      ['no aud', () => ({ aud: undefined }), 'token_claim_invalid'],
      ['aud null', () => ({ aud: null }), 'token_claim_invalid'],
      ['aud empty', () => ({ aud: '' }), 'token_claim_invalid'],
      ['aud a number', () => ({ aud: 7 }), 'token_claim_invalid'],
      ['aud an object', () => ({ aud: { 0: APP_ID, length: 1 } }), 'token_claim_invalid'],
      ['aud an empty list', () => ({ aud: [] }), 'token_claim_invalid'],
      ['aud with a number beside ours', () => ({ aud: [APP_ID, 7], azp: APP_ID }), 'token_claim_invalid'],
      ['aud with an empty text beside ours', () => ({ aud: [APP_ID, ''], azp: APP_ID }), 'token_claim_invalid'],
      ['aud ours within a list', () => ({ aud: [[APP_ID]] }), 'token_claim_invalid'],
      ['aud another app', () => ({ aud: OTHER_APP }), 'token_audience_mismatch'],
      ['aud ours in capitals', () => ({ aud: APP_ID.toUpperCase() }), 'token_audience_mismatch'],
      ['aud ours and more', () => ({ aud: `${APP_ID}0` }), 'token_audience_mismatch'],
      ['aud ours within a text', () => ({ aud: `${OTHER_APP} ${APP_ID}` }), 'token_audience_mismatch'],
      ['two other audiences', () => ({ aud: [OTHER_APP, 'x'], azp: APP_ID }), 'token_audience_mismatch'],
      ['two audiences without azp', () => ({ aud: [APP_ID, OTHER_APP] }), 'token_audience_mismatch'],
      ['ours twice without azp', () => ({ aud: [APP_ID, APP_ID] }), 'token_audience_mismatch'],
      ['two audiences, azp the other', () => ({ aud: [APP_ID, OTHER_APP], azp: OTHER_APP }), 'token_audience_mismatch'],
      ['azp another app', () => ({ azp: OTHER_APP }), 'token_audience_mismatch'],
      ['azp null', () => ({ azp: null }), 'token_audience_mismatch'],
      ['azp empty', () => ({ azp: '' }), 'token_audience_mismatch'],
      ['azp a list', () => ({ azp: [APP_ID] }), 'token_audience_mismatch'],
      ['no exp', () => ({ exp: undefined }), 'token_claim_invalid'],
      ['exp null', () => ({ exp: null }), 'token_claim_invalid'],
      ['exp a text', ({ seconds }) => ({ exp: String(seconds + 60) }), 'token_claim_invalid'],
      ['exp a list', ({ seconds }) => ({ exp: [seconds + 60] }), 'token_claim_invalid'],
      ['exp true', () => ({ exp: true }), 'token_claim_invalid'],
      ['exp negative', () => ({ exp: -1, iat: 0 }), 'token_claim_invalid'],
      ['exp 0', () => ({ exp: 0, iat: 0 }), 'token_claim_invalid'],
      ['exp 1e300', () => ({ exp: 1e300 }), 'token_claim_invalid'],
      ['exp in milliseconds', ({ seconds }) => ({ exp: (seconds + 60) * 1000 }), 'token_claim_invalid'],
      ['a lifetime of a second too much', ({ seconds }) => ({ exp: seconds + YEAR + 1 }), 'token_claim_invalid'],
      ['exp the same as iat', ({ seconds }) => ({ exp: seconds + 60, iat: seconds + 60 }), 'token_claim_invalid'],
      ['exp before iat', ({ seconds }) => ({ exp: seconds + 1, iat: seconds + 2 }), 'token_claim_invalid'],
      ['no iat', () => ({ iat: undefined }), 'token_claim_invalid'],
      ['iat null', () => ({ iat: null }), 'token_claim_invalid'],
      ['iat a text', ({ seconds }) => ({ iat: String(seconds) }), 'token_claim_invalid'],
      ['iat negative', () => ({ iat: -1 }), 'token_claim_invalid'],
      ['iat in milliseconds', ({ seconds }) => ({ iat: seconds * 1000 }), 'token_claim_invalid'],
      ['nbf null', () => ({ nbf: null }), 'token_claim_invalid'],
      ['nbf a text', ({ seconds }) => ({ nbf: String(seconds) }), 'token_claim_invalid'],
      ['nbf negative', () => ({ nbf: -1 }), 'token_claim_invalid'],
      ['nbf false', () => ({ nbf: false }), 'token_claim_invalid'],
      ['nbf in milliseconds', ({ seconds }) => ({ nbf: seconds * 1000 }), 'token_not_yet_valid'],
    ]),
  )('%s', async (_, change, code) => {
    const material = bench.material(kind);
    expect(await bench.refuse(kind, forgeClaims(material, change(material)))).toBe(code);
    // All of this is only found out about a token that the right key signed.
    expect(bench.lookups).toBe(1);
  });

  it.each(
    titled<(right: string) => string | Buffer>([
      ['a list', (right) => `[${right}]`, 'token_malformed'],
      ['a text', (right) => JSON.stringify(right), 'token_malformed'],
      ['a number', () => '7', 'token_malformed'],
      ['null', () => 'null', 'token_malformed'],
      ['true', () => 'true', 'token_malformed'],
      ['no JSON', () => 'iss=evil', 'token_malformed'],
      ['half a JSON', (right) => right.slice(0, -1), 'token_malformed'],
      ['JSON and more', (right) => `${right}x`, 'token_malformed'],
      ['JSON and a zero byte', (right) => `${right}\0`, 'token_malformed'],
      ['a byte order mark and JSON', (right) => `\uFEFF${right}`, 'token_malformed'],
      ['no UTF-8', (right) => Buffer.from(right.replace('}', ',"x":"\xff"}'), 'latin1'), 'token_malformed'],
      [
        'UTF-8 of half a pair',
        (right) => Buffer.from(right.replace('}', ',"x":"\xed\xa0\x80"}'), 'latin1'),
        'token_malformed',
      ],
      ['UTF-16', (right) => Buffer.from(right, 'utf16le'), 'token_malformed'],
      ['an empty object', () => '{}', 'token_issuer_mismatch'],
      [
        'a right iss first and a wrong one last',
        (right) => right.replace('}', ',"iss":"evil"}'),
        'token_issuer_mismatch',
      ],
      ['all claims in __proto__', (right) => `{"__proto__":${right}}`, 'token_issuer_mismatch'],
      ['iss nested 1,000 deep', () => `{"iss":${'['.repeat(1000)}${']'.repeat(1000)}}`, 'token_issuer_mismatch'],
      ['exp beyond all numbers', (right) => right.replace(/"exp":\d+/, '"exp":1e999'), 'token_claim_invalid'],
      ['nbf beyond all numbers', (right) => right.replace('{', '{"nbf":1e999,'), 'token_claim_invalid'],
      ['iat beyond all numbers', (right) => right.replace(/"iat":\d+/, '"iat":-1e999'), 'token_claim_invalid'],
    ]),
  )('a payload that is %s', async (_, change, code) => {
    const { forge, header, payload } = bench.material(kind);
    expect(await bench.refuse(kind, forge(header, change(JSON.stringify(payload))))).toBe(code);
  });

  describe.each([0, 5, 300])('by the second, with a tolerance of %i s', (clockTolerance) => {
    /** How far the clock is from the claim, in milliseconds, and what comes of it. */
    it.each<[string, string, number, string]>([
      ['exp', 'the last millisecond', clockTolerance * 1000 - 1, 'passes'],
      ['exp', 'the second that it names', clockTolerance * 1000, 'token_expired'],
      ['exp', 'a second later', clockTolerance * 1000 + 1000, 'token_expired'],
      ['iat', 'the second before the tolerance', -clockTolerance * 1000 - 1000, 'token_not_yet_valid'],
      ['iat', 'the last millisecond before it', -clockTolerance * 1000 - 1, 'token_not_yet_valid'],
      ['iat', 'the first of the tolerance', -clockTolerance * 1000, 'passes'],
      ['nbf', 'the second before the tolerance', -clockTolerance * 1000 - 1000, 'token_not_yet_valid'],
      ['nbf', 'the first of the tolerance', -clockTolerance * 1000, 'passes'],
    ])('%s: %s (%i ms): %s', async (claim, _, offset, expected) => {
      const material = bench.material(kind);
      const { seconds } = material;
      const times = {
        exp: { iat: seconds - 1000, exp: seconds },
        iat: { iat: seconds },
        nbf: { iat: seconds - 1000, nbf: seconds },
      };
      const token = forgeClaims(material, times[claim as keyof typeof times]);
      bench.sets.now = seconds * 1000 + offset;
      const outcome = bench.verify(kind, token, { clockTolerance }).then(
        () => 'passes',
        (error: { code: string }) => error.code,
      );
      expect(await outcome).toBe(expected);
    });
  });
});

describe('a polluted Object.prototype', () => {
  it.each([
    ['alg', 'RS256', 'token_algorithm_mismatch'],
    ['iss', '', 'token_issuer_mismatch'],
    ['sub', SUBJECT, 'token_claim_invalid'],
    ['aud', APP_ID, 'token_claim_invalid'],
    ['exp', 1_760_000_100, 'token_claim_invalid'],
    ['iat', 1_760_000_000, 'token_claim_invalid'],
  ])('lends no token an %s (%j): %s', async (name, value, code) => {
    const { forge, header, payload } = bench.material('id_token');
    const token = forge({ ...header, ...(name === 'alg' && { alg: undefined }) }, { ...payload, [name]: undefined });
    Object.defineProperty(Object.prototype, name, { value: value || issuer().issuer, configurable: true });
    try {
      await expect(bench.verify('id_token', token)).rejects.toMatchObject({ code });
    } finally {
      Reflect.deleteProperty(Object.prototype, name);
    }
  });
});

describe('one kind for the other', () => {
  it('an id_token is no access token', async () => {
    expect(await bench.refuse('access_token', bench.material('id_token').forge())).toBe('token_type_mismatch');
  });

  it('an access token is no id_token', async () => {
    expect(await bench.refuse('id_token', bench.material('access_token').forge())).toBe('token_type_mismatch');
  });

  it.each<[string, Change]>([
    ['no scope', { scope: undefined }],
    ['scope null', { scope: null }],
    ['scope a list', { scope: ['openid'] }],
    ['a nonce', { nonce: 'n' }],
    ['a nonce that is null', { nonce: null }],
    ['an at_hash', { at_hash: 'h' }],
  ])('an access token with %s: token_type_mismatch', async (_, change) => {
    expect(await bench.refuse('access_token', forgeClaims(bench.material('access_token'), change))).toBe(
      'token_type_mismatch',
    );
  });

  it('an access token without jti or with an empty scope passes', async () => {
    const token = forgeClaims(bench.material('access_token'), { jti: undefined, scope: '' });
    expect(await bench.verify('access_token', token)).toMatchObject({ scope: '' });
  });

  it.each([{ scope: 'openid' }, { jti: 'j' }])('an id_token with %j alone passes', async (change) => {
    expect(await bench.verify('id_token', forgeClaims(bench.material('id_token'), change))).toMatchObject(change);
  });
});

describe('the option audience', () => {
  const audience = ['https://api.example', 'https://other.example'];

  it.each<[string, Change, string]>([
    ['one of them', { aud: 'https://other.example' }, 'passes'],
    ['one of them in a list', { aud: ['https://api.example'] }, 'passes'],
    ['both, for our app', { aud: audience, azp: APP_ID }, 'passes'],
    ['both, for nobody', { aud: audience }, 'token_audience_mismatch'],
    ['one of them, for another app', { aud: audience[0], azp: OTHER_APP }, 'token_audience_mismatch'],
    ['the app itself', { aud: APP_ID }, 'token_audience_mismatch'],
    ['a slash more', { aud: 'https://api.example/' }, 'token_audience_mismatch'],
  ])('an access token for %s: %j: %s', async (_, change, expected) => {
    const token = forgeClaims(bench.material('access_token'), change);
    const outcome = bench.verify('access_token', token, { audience }).then(
      () => 'passes',
      (error: { code: string }) => error.code,
    );
    expect(await outcome).toBe(expected);
  });

  it('is not the id_token’s: that is for our app alone', async () => {
    const material = bench.material('id_token');
    expect(await bench.verify('id_token', material.forge(), { audience })).toMatchObject({ aud: APP_ID });
    expect(await bench.refuse('id_token', forgeClaims(material, { aud: audience[0] }), { audience })).toBe(
      'token_audience_mismatch',
    );
  });
});

describe('at_hash', () => {
  const ACCESS_TOKEN = 'any.access.token';
  const right = hashAccessToken(ACCESS_TOKEN);
  const verify = (atHash: unknown, accessToken?: string) =>
    bench.verifier().verifyIdToken(forgeClaims(bench.material('id_token'), { at_hash: atHash }), accessToken);

  it.each<[string, unknown, string | undefined]>([
    ['of this access token', right, ACCESS_TOKEN],
    ['not there', undefined, ACCESS_TOKEN],
    ['there, and no access token to compare it with', 'wrong', undefined],
  ])('%s: passes', async (_, atHash, accessToken) => {
    expect(await verify(atHash, accessToken)).toMatchObject({ sub: SUBJECT });
  });

  it.each<[string, unknown]>([
    ['of another access token', hashAccessToken('another')],
    ['of the whole hash', `${right}${right}`],
    ['cut', right.slice(0, -2)],
    ['empty', ''],
    ['null', null],
    ['a number', 7],
    ['a list', [right]],
    ['in capitals', right.toUpperCase()],
  ])('%s: token_hash_mismatch', async (_, atHash) => {
    await expect(verify(atHash, ACCESS_TOKEN)).rejects.toMatchObject({ code: 'token_hash_mismatch', statusCode: 401 });
  });
});
