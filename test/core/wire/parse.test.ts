import {
  parseCaptcha,
  parseEnvelope,
  parseIntrospection,
  parseOidcError,
  parseRejectionData,
  parseSystemKeys,
  parseTokens,
} from '../../../src/core/wire/parse.js';

type Body = Readonly<Record<string, unknown>>;
const envelope = (body: Body): unknown => parseEnvelope({ statusCode: 403, ...body });
const introspect = (body: Body): unknown => parseIntrospection({ active: true, ...body });
const rsa = { publicKey: 'k' };

/** GenAuth's documents, front end and SDKs disagree on these forms. Each form of a row must be read alike. */
it.each<[contradiction: string, parse: (body: Body) => unknown, expected: object, ...forms: Body[]]>([
  ['the lifetime is expires_in or expire_in', parseTokens, { expiresIn: 60 }, { expires_in: 60 }, { expire_in: 60 }],
  ['scopes are in scope, and token is a misprint', parseTokens, { scope: 'a' }, { scope: 'a', token: 'b' }],
  ['token_type is xxx', parseTokens, { accessToken: 'a' }, { access_token: 'a', token_type: 'xxx' }],
  ['keys are in an envelope or not', parseSystemKeys, { rsa: 'k' }, { rsa }, { statusCode: 200, data: { rsa } }],
  [
    'apiCode is called code',
    envelope,
    { apiCode: 1000 },
    { apiCode: '1000' },
    { code: 1000 },
    { apiCode: 1000, code: 1 },
  ],
  ['apiCode repeats the status', envelope, { apiCode: 2333 }, { apiCode: 403, code: 2333 }, { code: 2333 }],
  ['requestId is called uniqueId', envelope, { requestId: 'r' }, { uniqueId: 'r' }, { requestId: 'r', uniqueId: 'u' }],
  ['scopes have commas between them', introspect, { scope: ['a', 'b'] }, { scope: 'a b' }, { scope: ' a, b ' }],
  ['exp is a number or a string', introspect, { exp: 1_760_000_000 }, { exp: 1_760_000_000 }, { exp: '1760000000' }],
])('reads every form if %s', (_contradiction, parse, expected, ...forms) => {
  expect(forms.map((form) => parse(form))).toEqual(forms.map(() => expect.objectContaining(expected)));
});

const EMPTY = { statusCode: 403, apiCode: undefined, message: '', requestId: undefined, data: {} };

it('parseEnvelope reads every property', () => {
  const answer = { statusCode: 603, apiCode: 2333, message: 'no', requestId: 'r-1', data: { remainCount: 2 } };
  expect(parseEnvelope({ ...answer, flowHandle: 'x' })).toStrictEqual(answer);
  const ids = ['r'.repeat(128), 'aZ_0.9:1-2'].map((requestId) => ({ requestId }));
  expect(ids.map(envelope)).toMatchObject(ids);
});

it.each<[Body]>([
  [{}],
  [{ apiCode: '', message: { zh: 'x' }, requestId: 'r'.repeat(129), data: null }],
  [{ apiCode: '-2333', requestId: 'r 1', data: [{ remainCount: 2 }] }],
  [{ apiCode: '2333.0' }],
  [{ apiCode: 2333.5 }],
  [{ apiCode: true }],
  // These numbers only repeat the HTTP status or the statusCode.
  [{ apiCode: 403 }],
  [{ code: '999', uniqueId: 'r 1' }],
])('parseEnvelope returns defaults for %j', (body) => {
  expect(envelope(body)).toStrictEqual(EMPTY);
});

it('parseEnvelope returns undefined without a numeric statusCode', () => {
  expect([null, { statusCode: '200' }].map(parseEnvelope)).toEqual([undefined, undefined]);
});

const NO_TOKENS = { accessToken: undefined, idToken: undefined, refreshToken: undefined, scope: undefined };

it.each<[Body, number | undefined]>([
  [{ access_token: '', id_token: '', refresh_token: '', scope: '', expires_in: '7200' }, undefined],
  [{ access_token: 1, id_token: ['i'], refresh_token: {}, scope: null, expires_in: Infinity }, undefined],
  [{ expires_in: 0, expire_in: 3600 }, 0],
  [{ expires_in: null, expire_in: 3600 }, 3600],
])('parseTokens reads no token from %j', (data, expiresIn) => {
  expect(parseTokens(data)).toStrictEqual({ ...NO_TOKENS, expiresIn });
});

const NO_REJECTION = { remainingAttempts: undefined, mfaToken: undefined, applicationMfa: [], flowToken: undefined };

it('parseRejectionData reads every property', () => {
  const applicationMfa = [{ mfaPolicy: 'SMS', status: 1, sort: 2, more: 3 }, { mfaPolicy: 'new' }];
  const data = parseRejectionData({ remainCount: 0, mfaToken: 'm', applicationMfa, token: 'f' });
  const factors = ['SMS', 'new'].map((mfaPolicy, i) => ({ mfaPolicy, status: 1 - i, sort: 2 - 2 * i }));
  expect(data).toStrictEqual({ remainingAttempts: 0, mfaToken: 'm', applicationMfa: factors, flowToken: 'f' });
});

it.each<[Body]>([
  [{ remainCount: '2', mfaToken: 5, token: {}, applicationMfa: null }],
  [{ applicationMfa: [null, 5, 'SMS', [], {}, { mfaPolicy: 7 }] }],
])('parseRejectionData returns defaults for %j', (data) => {
  expect(parseRejectionData(data)).toStrictEqual(NO_REJECTION);
});

const [RSA, SM2] = [{ publicKey: 'rsa-key' }, { publicKey: 'sm2-key' }];

it.each<[unknown, object]>([
  [
    { rsa: RSA, sm2: SM2, version: {} },
    { rsa: 'rsa-key', sm2: 'sm2-key' },
  ],
  [{ rsa: RSA, data: { rsa: SM2, sm2: SM2 } }, { rsa: 'rsa-key' }],
  [{ rsa: null, data: { rsa: RSA } }, { rsa: 'rsa-key' }],
  [{ rsa: { publicKey: 5 }, sm2: SM2 }, { sm2: 'sm2-key' }],
  [undefined, {}],
])('parseSystemKeys reads the keys of %j', (body, expected) => {
  expect(parseSystemKeys(body)).toStrictEqual(expected);
});

const data = { captchaCodeSvg: '<svg/>', captchaToken: 'token' };

const captcha = { svg: '<svg/>', token: 'token' };

it.each<[unknown, object | undefined]>([
  [{ statusCode: 200, data: { ...data, more: 1 } }, captcha],
  ['<svg/>', undefined],
  [{ statusCode: 200, data: { ...data, captchaToken: 5 } }, undefined],
  [{ statusCode: 200, data: { ...data, captchaCodeSvg: ['<svg/>'] } }, undefined],
])('parseCaptcha reads %j as %j', (body, expected) => {
  expect(parseCaptcha(body)).toEqual(expected);
});

it('reads the OAuth error of a body', () => {
  const bodies = [{ error: 'invalid_client' }, { error: '' }, null];
  expect(bodies.map(parseOidcError)).toEqual(['invalid_client', undefined, undefined]);
});

const NO_INTROSPECTION = { sub: undefined, clientId: undefined, scope: [], exp: undefined };

it('parseIntrospection reads every property', () => {
  const body = { active: true, sub: 'u-1', client_id: 'app', scope: 'openid', exp: 9, iat: 1 };
  const expected = { active: true, sub: 'u-1', clientId: 'app', scope: ['openid'], exp: 9 };
  expect(parseIntrospection(body)).toStrictEqual(expected);
  expect([{ active: 'true' }, null].map(parseIntrospection)).toEqual([undefined, undefined]);
});

it.each<[Body, number | undefined]>([
  [{ sub: '', client_id: 5, scope: ['openid'], exp: 'soon' }, undefined],
  [{ exp: '1'.repeat(12) }, 111_111_111_111],
  [{ exp: '1'.repeat(13) }, undefined],
])('parseIntrospection returns defaults for %j', (body, exp) => {
  expect(parseIntrospection({ active: false, ...body })).toStrictEqual({ active: false, ...NO_INTROSPECTION, exp });
});
