import { decodeJwt } from 'jose';
import type { EmulatorUserStates } from '../../../src/emulator/index.js';
import { mask } from '../../../src/emulator/sign-in/masking.js';
import { readSignIn } from '../../../src/emulator/sign-in/request.js';
import { describeSignIn } from '../../../src/emulator/sign-in/sign-in.js';
import { encryptBySm2 } from '../encryption/ciphertexts.js';
import { asAd, asUser, getTokens, inTurn, signIn, useEmulator } from '../support.js';

const emulator = useEmulator({ tenants: ['t-1', 't-2'] });
const ask = (body: object = {}) => signIn(emulator(), { ...body });
const codesOf = async (...bodies: object[]) => (await inTurn(bodies, ask)).map(({ code }) => code);
const buildRequest = (body: unknown) => ({ method: 'POST', path: '', query: '', headers: {}, body, requestId: 'r' });
const RIGHT = { connection: 'PASSWORD', ...asUser('alice') };

describe('readSignIn', () => {
  const NO_NAME =
    'Parameter passwordPayload must include account, email, username or phone when authenticationType is PASSWORD.';
  const needs = 'options.autoRegister needs email, username or phone in passwordPayload, not account.';

  it.each<[string, object]>([
    [NO_NAME, { passwordPayload: undefined }],
    ['passwordPayload must include only one of account, phone.', { passwordPayload: { account: 'a', phone: 'b' } }],
    ['passwordPayload.password must be a string.', { passwordPayload: { account: 'a', password: ['p'] } }],
    ['adPayload must be an object.', { connection: 'AD', adPayload: [] }],
    ['connection must be PASSWORD, PASSCODE, LDAP or AD.', { connection: ['AD'] }],
    ['options must be an object.', { options: null }],
    ['options.scope must contain openid.', { options: { scope: 'openid2 email' } }],
    ['options.customData must be an object.', { options: { customData: '' } }],
    ['options.context must be an object or a string.', { options: { context: [] } }],
    ['options.autoRegister must be a boolean.', { options: { autoRegister: 'true' } }],
    [needs, { options: { autoRegister: true } }],
    ['options.passwordEncryptType must be one of none, rsa, sm2.', { options: { passwordEncryptType: null } }],
  ])('refuses with "%s" %j', (message, change) => {
    const refusal = { outcome: 'invalid_request', answer: { statusCode: 400, message } };
    expect(() => readSignIn({ ...RIGHT, ...change })).toThrow(expect.objectContaining(refusal));
  });

  it('reads all options of a sign-in', () => {
    const empty = { tenantId: '', clientIp: '', captchaCode: '', captchaToken: '', passwordEncryptType: 'none' };
    const options = { scope: 'email unknown openid', context: 'c', customData: {}, autoRegister: true, ...empty };
    const read = readSignIn(asAd('a', 'p', options));
    expect(read).toMatchObject({
      identifier: 'account',
      name: 'a',
      password: 'p',
      scopes: ['email', 'openid'],
      options,
    });
  });
});

it.each<[string, object, number, number, string]>([
  ['a wrong password', asUser('alice', 'wrong'), 200, 2333, 'invalid_credentials'],
  ['an AD account as a user', asUser('zhangsan', 'AdPassw0rd'), 200, 2333, 'invalid_credentials'],
  ['a base64 password in clear text', asUser('alice', btoa('passw0rd')), 200, 2333, 'invalid_credentials'],
  ['an unknown app', { client_id: 'x' }, 200, 2011, 'app_not_found'],
  ['a wrong secret before the form', { client_secret: '', connection: 7 }, 200, 401, 'client_authentication_failed'],
  ['another connection', { connection: 'LDAP' }, 501, 501, 'not_implemented'],
  ['an AD account', asAd('ZHANGSAN'), 200, 200, 'success'],
])('answers %s %j with HTTP %i and %i', async (_title, body, status, code, outcome) => {
  expect(await ask(body)).toMatchObject({ status, code, outcome });
});

describe('a right password', () => {
  const ANSWER = { statusCode: 403, apiCode: 1642, message: 'Complete it.' };
  const add = (user: object) => emulator().addUser({ username: 'dave', password: 'passw0rd', ...user });
  const askDave = (tenantId = '') => ask(asUser('dave', 'passw0rd', { tenantId }));
  afterEach(() => emulator().removeUser('dave'));

  it.each<[EmulatorUserStates, string, number, number | undefined, string]>([
    [{ lockout: false, disabled: false, mfa: false, tenants: ['t-1', 't-2'] }, 't-2', 200, undefined, 'success'],
    [{ lockout: true, disabled: true }, '', 403, 2005, 'account_locked'],
    [{ disabled: true, tenants: [], mfa: true }, 't-3', 403, 2120008, 'account_disabled'],
    [{ signInAnswer: ANSWER }, 't-3', 403, 2130010, 'tenant_refused'],
    [{ tenants: ['t-1'], signInAnswer: ANSWER }, 't-2', 403, 2120008, 'tenant_refused'],
    [{ signInAnswer: ANSWER, mustChangePassword: true }, '', 403, 1642, 'answered'],
    [{ mustChangePassword: true, mfa: true }, '', 301, 2058, 'password_change_required'],
    [{ mustChangePassword: 'first_login', mfa: true }, '', 301, 1639, 'password_change_required'],
    [{ mfa: true, profileRequired: true }, '', 301, 1636, 'mfa_required'],
    [{ mfa: 'personal' }, '', 301, 1635, 'mfa_required'],
    [{ profileRequired: true, bindingRequired: true }, '', 301, 1642, 'profile_completion_required'],
    [{ bindingRequired: true }, '', 301, 1640, 'identity_binding_required'],
  ])('of a user with %j at the tenant %j is answered with %i/%i', async (states, tenantId, ...expected) => {
    const [statusCode, apiCode, outcome] = expected;
    add(states);
    const { answer, ...rest } = await askDave(tenantId);
    expect([answer.statusCode, answer.apiCode, rest.outcome]).toEqual([statusCode, apiCode, outcome]);
    // An answer that requires a further step contains the code twice.
    expect(answer.code).toBe(new Map([[301, apiCode]]).get(statusCode));
  });

  const phone = '+8613800000099';
  const FULL = { email: 'd@b', phone_number: phone, nickname: 'D', picture: 'p', mfa: ['SMS', 'PASSKEY', 'FACE'] };
  const CLAIMS = { phone, mfaPhone: phone, email: 'd@b', mfaEmail: 'd@b', nickname: 'D', avatar: 'p' };
  const BY_APP = { phoneCountryCode: '+86', faceMfaEnabled: true, totpMfaEnabled: false, passkeyEnabled: true };
  const BY_CHOICE = { totpMfaEnabled: true, applicationMfa: [] };
  const applicationMfa = FULL.mfa.map((mfaPolicy, sort) => ({ mfaPolicy, status: 1, sort }));

  it.each<[string, object, object]>([
    ['mfa', FULL, { username: 'dave', ...CLAIMS, ...BY_APP, applicationMfa }],
    ['mfa', { phone_number: '+4912345', mfa: 'personal' }, { nickname: null, phoneCountryCode: null, ...BY_CHOICE }],
    ['reset_password', { mustChangePassword: 'first_login' }, {}],
    ['complete_profile', { profileRequired: true }, {}],
    ['bind_identity', { bindingRequired: true }, {}],
  ])('is answered with a token for the step %s of a user with %j', async (stage, user, expected) => {
    const { sub } = add(user);
    const data = (await askDave()).answer.data as unknown as Record<string, string>;
    const { iat = 0, ...payload } = decodeJwt(String(data['token'] ?? data['mfaToken']));
    expect([data, payload]).toMatchObject([expected, { data: { userId: sub, stage }, exp: iat + 360 }]);
  });
});

describe('the journal', () => {
  const SENT = { clientIp: '203.0.113.7', context: { source: 'utm', list: [1, null] }, unknown: ['kept'] };

  it.each<[string, unknown, object]>([
    ['wrong types', { connection: 7, passwordPayload: 'x', options: [] }, {}],
    ['all options', { options: SENT }, { clientIp: SENT.clientIp, context: SENT.context, options: SENT }],
    ['an AD account', asAd('a', 'p'), { connection: 'AD', account: 'a' }],
    ['the second identifier', { passwordPayload: { account: 7, phone: '1' } }, { account: '1' }],
  ])('records what was sent, and null for what is absent: %s', (_title, body, expected) => {
    const nothing = { connection: null, account: null, clientIp: null, context: null, options: {}, requestId: 'r' };
    expect(describeSignIn(buildRequest(body), 'fault')).toEqual({ ...nothing, outcome: 'fault', ...expected });
  });

  it('masks the secrets of the request wherever the options repeat them', () => {
    const options = { clientIp: 'canary', context: { a: [['canary2']], canary: 'x=canary!', short: 'canar' } };
    const body = { adPayload: { password: 'canary' }, client_secret: 'canary2', options };
    const record = describeSignIn(buildRequest(body), 'success');
    expect(record).toMatchObject({ clientIp: '***', context: { a: [['***']], '***': 'x=***!', short: 'canar' } });
  });
});

it('mask hides properties with the name of a secret, secrets of 6 characters, and what is below 50 levels', () => {
  const words = 'pass Password passwd passcode pwd secret appSecret client_secret app-secret';
  const names = `${words} access_token idToken refresh-token authorization`.split(' ');
  const build = (value: unknown) => [Object.fromEntries(names.map((name) => [name, value]))];
  expect(mask([build({ b: 'x' }), build(null)], [])).toEqual([build('***'), build(null)]);
  const others = { tokens: 3, secretary: 'Bob', passwordHint: 'none', a: [1, true, null, 'x'], captchaToken: 'c' };
  expect(mask(others, [])).toEqual(others);
  expect(mask('a 12345 123456', ['12345', '123456'])).toBe('a 12345 ***');
  const texts = ['{"__proto__":{"a":"canary"}}', ...[51, 52, 15_000].map((n) => `${'['.repeat(n)}7${']'.repeat(n)}`)];
  const masked = texts.map((text) => JSON.stringify(mask(JSON.parse(text), ['canary'])).replaceAll(/[[\]]/g, ''));
  expect(masked).toEqual(['{"__proto__":{"a":"***"}}', '7', '"***"', '"***"']);
});

describe('autoRegister', () => {
  const asNew = (passwordPayload: object, options: object = {}) => ({
    passwordPayload: { password: 'new', ...passwordPayload },
    options: { autoRegister: true, ...options },
  });

  it.each([
    ['username', 'carol', { username: 'carol' }],
    ['email', 'Carol@Example.com', { email: 'Carol@Example.com' }],
    ['phone', '+8613900000001', { phone_number: '+8613900000001' }],
  ])('creates one user with an unknown %s and the decrypted password', async (identifier, name, claims) => {
    const options = { scope: 'openid username email phone', passwordEncryptType: 'sm2' };
    const password = await encryptBySm2(emulator(), 'new');
    const { id_token } = await getTokens(emulator(), asNew({ [identifier]: name, password }, options));
    expect(decodeJwt(id_token)).toMatchObject({ username: null, email: null, phone_number: null, ...claims });
    expect(await codesOf(asNew({ [identifier]: name, password: 'x' }), asUser(name, 'new'))).toEqual([2333, 200]);
  });

  it('creates no user without the option, for AD, with a name in use, a wrong name or a locked name', async () => {
    const dora = asNew({ username: 'dora' }, { autoRegister: false });
    expect(await codesOf(dora, dora, asAd('lisi', 'new', { autoRegister: true }))).toEqual([2333, 2333, 2333]);
    expect(await ask(asNew({ username: 'alice@example.com' }))).toMatchObject({ code: 2026, outcome: 'user_exists' });
    expect(await ask(asNew({ email: 'no address' }))).toMatchObject({ code: 400, outcome: 'invalid_request' });
    emulator().protectLogins({ lockAfter: 1 });
    expect(await codesOf(asUser('erin'), asNew({ username: 'erin' }))).toEqual([2333, 2005]);
  });
});
