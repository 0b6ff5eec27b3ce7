import { networkInterfaces } from 'node:os';
import { jest } from '@jest/globals';
import { ActiveDirectory } from '../../src/emulator/directory/active-directory.js';
import { readActiveDirectory } from '../../src/emulator/directory/options.js';
import type { Refusal } from '../../src/emulator/sign-in/refusal.js';
import {
  type EmulatorActiveDirectory,
  GenAuthEmulator,
  readActiveDirectoryEnvironment,
} from '../../src/emulator/index.js';
import { CertificateAuthority } from '../support/certificate.js';
import { LdapServer, type LdapAnswer, type LdapBehaviour, type OnLater } from '../support/ldap-server.js';
import { findLeaks } from '../support/leak.js';
import { TcpServer } from '../support/tcp-server.js';
import { ask } from '../support/web-server.js';
import { control, postSignIn, signInBody, getTokens } from './support.js';

const authority = new CertificateAuthority();
const BIND_PASSWORD = 'c4nary-bind-pässword';
const PASSWORD = 'c4nary-zhang-pässword';
const BASE_DN = 'DC=example,DC=test';
const SEARCHER = `CN=svc,${BASE_DN}`;
const ZHANG = { dn: `CN=Zhang San,${BASE_DN}`, sAMAccountName: 'ZhangSan', cn: 'Zhang San' };
const OK: LdapAnswer = { code: 0 };

const HAS_IPV6 = Object.values(networkInterfaces()).some((list) => list?.some(({ address }) => address === '::1'));
if (!HAS_IPV6) process.stderr.write('SKIPPED one test of test/emulator/active-directory: no ::1 on this machine.\n');

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).toReversed()) await close();
});

const refuse = (data: string): LdapAnswer => ({
  code: 49,
  text: `80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data ${data}, v4563`,
});

/** A directory that knows one user; what it does otherwise than usual comes first. */
const behaveLikeAd =
  (otherwise: (request: Parameters<LdapBehaviour>[0]) => ReturnType<LdapBehaviour> | undefined = () => undefined) =>
  (request: Parameters<LdapBehaviour>[0]): ReturnType<LdapBehaviour> => {
    const special = otherwise(request);
    if (special !== undefined) return special;
    if (request.kind === 'search') return { code: 0, entries: [ZHANG] };
    // As Windows does: a bind without a password binds nobody, and is a success.
    if (request.password === '') return OK;
    if (request.dn === SEARCHER && request.password === BIND_PASSWORD) return OK;
    return request.dn === ZHANG.dn && request.password === PASSWORD ? OK : refuse('52e');
  };

async function startDirectory(behave: LdapBehaviour, onLater?: OnLater): Promise<LdapServer> {
  const server = await LdapServer.start(authority.issue(), behave, { onLater });
  closing.push(() => server.stop());
  return server;
}

async function startEmulator(url: string, ad: Partial<EmulatorActiveDirectory> = {}): Promise<GenAuthEmulator> {
  const emulator = await new GenAuthEmulator({
    ad: { url, ca: authority.cert, bindDn: SEARCHER, bindPassword: BIND_PASSWORD, baseDn: BASE_DN, ...ad },
  }).start();
  closing.push(() => emulator.stop());
  return emulator;
}

/** `POST /api/v3/signin` for the connection AD, and what the journal says of it. */
async function signIn(emulator: GenAuthEmulator, name = 'zhangsan', password = PASSWORD) {
  const adPayload = { sAMAccountName: name, password };
  const { answer } = await postSignIn(emulator, signInBody(emulator, { connection: 'AD', adPayload }));
  const { requestId: _, ...rest } = answer;
  return { ...rest, outcome: emulator.signIns.at(-1)?.outcome };
}

/** Signs zhangsan in, and asks who that is. */
async function readUserInfo(emulator: GenAuthEmulator, name = 'zhangsan'): Promise<Record<string, unknown>> {
  const tokens = await getTokens(emulator, {
    connection: 'AD',
    adPayload: { sAMAccountName: name, password: PASSWORD },
    options: { scope: 'openid profile username email phone roles' },
  });
  const headers = { authorization: `Bearer ${tokens.access_token}` };
  return (await (await fetch(`${emulator.url}/oidc/me`, { headers })).json()) as Record<string, unknown>;
}

describe('what the directory says', () => {
  it('lets in whom it lets in', async () => {
    const directory = await startDirectory(behaveLikeAd());
    const emulator = await startEmulator(directory.url);
    expect(await signIn(emulator)).toMatchObject({ statusCode: 200, outcome: 'success' });
    expect(directory.requests).toEqual([
      { kind: 'bind', dn: SEARCHER, password: BIND_PASSWORD },
      {
        kind: 'search',
        baseDn: BASE_DN,
        scope: 2,
        sizeLimit: 0,
        // Whatever the name holds, it is data; and neither computers nor contacts sign in.
        filter: ['objectCategory=person', 'objectClass=user', 'sAMAccountName=zhangsan'],
      },
      { kind: 'bind', dn: ZHANG.dn, password: PASSWORD },
    ]);
    await directory.idle();
  });

  it.each([
    ['52e', 403, 2333, 'invalid_credentials', 'Account not exists or password is incorrect.'],
    ['525', 403, 2333, 'invalid_credentials', 'Account not exists or password is incorrect.'],
    ['57', 403, 2333, 'invalid_credentials', 'Account not exists or password is incorrect.'],
    ['530', 403, 2120008, 'access_denied', 'User may not sign in at this time.'],
    ['531', 403, 2120008, 'access_denied', 'User may not sign in from this computer.'],
    ['532', 301, 2058, 'password_change_required', 'Password is too old and must be changed.'],
    ['533', 403, 2120008, 'account_disabled', 'User is disabled.'],
    ['701', 403, 2120008, 'account_expired', 'Account has expired.'],
    ['773', 301, 2058, 'password_change_required', 'Password must be changed.'],
    ['775', 403, 2005, 'account_locked', 'Account is locked.'],
  ])('data %s of a bind is %i / %i', async (data, statusCode, apiCode, outcome, message) => {
    const directory = await startDirectory(
      behaveLikeAd((request) => (request.kind === 'bind' && request.dn === ZHANG.dn ? refuse(data) : undefined)),
    );
    const emulator = await startEmulator(directory.url);
    // Answers that ask for a further step carry the code twice.
    const code = statusCode === 301 ? { code: apiCode } : {};
    expect(await signIn(emulator)).toEqual({ statusCode, apiCode, ...code, message, outcome });
  });

  it.each([
    ['has none of that name', []],
    ['has two of that name', [ZHANG, { ...ZHANG, dn: `CN=other,${BASE_DN}` }]],
    ['has many of that name', [ZHANG, ZHANG, ZHANG, ZHANG]],
    ['gives another name than it was asked for', [{ ...ZHANG, sAMAccountName: 'zhangsān' }]],
    ['tells no name', [{ dn: ZHANG.dn }]],
  ])('nobody comes in where it %s', async (_, entries) => {
    const directory = await startDirectory(
      behaveLikeAd(({ kind }) => (kind === 'search' ? { code: 0, entries } : undefined)),
    );
    const emulator = await startEmulator(directory.url);
    const { statusCode, apiCode } = await signIn(emulator);
    expect([statusCode, apiCode]).toEqual(entries.length > 1 ? [602, undefined] : [403, 2333]);
    expect(directory.requests.map((request) => request.kind === 'bind' && request.dn)).not.toContain(ZHANG.dn);
    // One that is not there takes the same steps as one that is.
    if (entries.length < 2) expect(directory.requests).toHaveLength(3);
  });

  it('an empty password is wrong, even where the directory calls it right', async () => {
    const directory = await startDirectory(behaveLikeAd());
    const emulator = await startEmulator(directory.url);
    expect(await signIn(emulator, 'zhangsan', '')).toMatchObject({ statusCode: 403, apiCode: 2333 });
    expect(directory.requests.map((request) => request.kind === 'bind' && request.password)).not.toContain('');
  });

  it('tells of a user what the emulator can take for a claim', async () => {
    const attributes = {
      displayName: '张三',
      givenName: '三',
      sn: '张',
      mail: 'not an address',
      mobile: '',
      telephoneNumber: '+8613800000009',
    };
    const behave = behaveLikeAd(({ kind }) =>
      kind === 'search' ? { code: 0, entries: [{ ...ZHANG, ...attributes }] } : undefined,
    );
    const emulator = await startEmulator((await startDirectory(behave)).url);
    const userInfo = await readUserInfo(emulator, 'ZHANGSAN');
    expect(userInfo).toMatchObject({
      username: 'ZhangSan',
      name: '张三',
      given_name: '三',
      family_name: '张',
      email: null,
      phone_number: '+8613800000009',
      roles: [],
    });
  });

  it('of several values takes the first, of several attributes the first that is text', async () => {
    const attributes = {
      cn: ['San Zhang', 'Zhang, San'],
      displayName: Buffer.from([0xff, 0xfe, 0x00]),
      mail: ['zhangsan@example.test', 'zs@example.test'],
      mobile: '+8613800000001',
      telephoneNumber: '+8613800000002',
    };
    const behave = behaveLikeAd(({ kind }) =>
      kind === 'search' ? { code: 0, entries: [{ ...ZHANG, ...attributes }] } : undefined,
    );
    expect(await readUserInfo(await startEmulator((await startDirectory(behave)).url))).toMatchObject({
      name: 'San Zhang',
      email: 'zhangsan@example.test',
      phone_number: '+8613800000001',
    });
  });

  it('tells at each sign-in what it says now, and knows the same person', async () => {
    let displayName = 'Zhang San';
    let more: Record<string, string> = { mail: 'zhangsan@example.test' };
    const behave = behaveLikeAd(({ kind }) =>
      kind === 'search' ? { code: 0, entries: [{ ...ZHANG, displayName, ...more }] } : undefined,
    );
    const emulator = await startEmulator((await startDirectory(behave)).url);
    const before = await readUserInfo(emulator, 'ZHANGSAN');
    emulator.updateAdAccount('zhangsan', { nickname: 'San' });
    const same = await readUserInfo(emulator, 'zhangsan');
    expect((await readUserInfo(emulator))['updated_at']).toBe(same['updated_at']);
    displayName = 'Zhang San-Li';
    more = {};
    const after = await readUserInfo(emulator, 'zhangsan');
    expect(before).toMatchObject({ name: 'Zhang San', email: 'zhangsan@example.test', nickname: null });
    expect(same).toMatchObject({ name: 'Zhang San', email: 'zhangsan@example.test', nickname: 'San' });
    // What it tells no more is gone, and what it never told stays.
    expect(after).toMatchObject({ name: 'Zhang San-Li', email: null, nickname: 'San' });
    expect(after['updated_at']).not.toBe(same['updated_at']);
    const another = await startEmulator((await startDirectory(behave)).url);
    expect([after['sub'], (await readUserInfo(another, 'ZhangSan'))['sub']]).toEqual([before['sub'], before['sub']]);
  });

  it('is not asked for those who sign in by the connection PASSWORD', async () => {
    const directory = await startDirectory(behaveLikeAd());
    const emulator = await startEmulator(directory.url);
    await getTokens(emulator);
    const body = signInBody(emulator, { passwordPayload: { username: 'zhangsan', password: PASSWORD } });
    expect((await postSignIn(emulator, body)).answer).toMatchObject({ apiCode: 2333 });
    expect(directory.requests).toEqual([]);
  });

  it.each(['rsa', 'sm2'])('gets no password that cannot be decrypted (%s)', async (passwordEncryptType) => {
    const directory = await startDirectory(behaveLikeAd());
    const emulator = await startEmulator(directory.url);
    const body = signInBody(emulator, {
      connection: 'AD',
      adPayload: { sAMAccountName: 'zhangsan', password: PASSWORD },
      options: { passwordEncryptType },
    });
    expect((await postSignIn(emulator, body)).answer).toMatchObject({ statusCode: 499, apiCode: 2016 });
    expect(directory.requests).toEqual([]);
  });

  it('counts failures for itself as well, and whom the emulator has locked out does not try', async () => {
    const directory = await startDirectory(behaveLikeAd());
    const emulator = await startEmulator(directory.url);
    emulator.protectLogins({ lockAfter: 2 });
    for (const name of ['zhangsan', 'ZhangSan']) await signIn(emulator, name, 'wrong');
    const tried = directory.requests.length;
    expect(await signIn(emulator)).toMatchObject({ statusCode: 403, apiCode: 2005, outcome: 'account_locked' });
    expect(directory.requests).toHaveLength(tried);
  });

  it('tries a password once, whatever it may stand for: each try counts', async () => {
    const directory = await startDirectory(behaveLikeAd());
    const emulator = await startEmulator(directory.url);
    expect(await signIn(emulator, 'zhangsan', Buffer.from(PASSWORD).toString('base64'))).toMatchObject({
      apiCode: 2333,
    });
    expect(directory.requests).toHaveLength(3);
  });
});

describe('its users', () => {
  it('can be given roles and states once they have signed in, and keep them', async () => {
    const emulator = await startEmulator((await startDirectory(behaveLikeAd())).url);
    await expect(async () => emulator.updateAdAccount('zhangsan', { roles: ['admin'] })).rejects.toThrow(
      'sAMAccountName: expected the name of an AD account, got "zhangsan".',
    );
    const first = await signIn(emulator);
    expect(await control(emulator, 'PATCH', '/ad-accounts/zhangsan', { roles: ['admin'] })).toMatchObject({
      status: 200,
    });
    const tokens = await getTokens(emulator, {
      connection: 'AD',
      adPayload: { sAMAccountName: 'zhangsan', password: PASSWORD },
      options: { scope: 'openid roles' },
    });
    const [before, after] = [first.data?.id_token ?? '', tokens.id_token].map(
      (token) => JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>,
    );
    expect([after?.['roles'], after?.['sub']]).toEqual([['admin'], before?.['sub']]);
    emulator.updateAdAccount('zhangsan', { disabled: true });
    expect(await signIn(emulator)).toMatchObject({ apiCode: 2120008, outcome: 'account_disabled' });
  });

  it('can be locked here: then no password of theirs gets to the directory', async () => {
    const directory = await startDirectory(behaveLikeAd());
    const emulator = await startEmulator(directory.url);
    await signIn(emulator);
    emulator.updateAdAccount('zhangsan', { lockout: true });
    const before = directory.requests.length;
    for (const password of [PASSWORD, 'wrong']) {
      expect(await signIn(emulator, 'zhangsan', password)).toMatchObject({ statusCode: 403, apiCode: 2005 });
    }
    const later = directory.requests.slice(before).map((request) => request.kind === 'bind' && request.dn);
    expect(later).not.toContain(ZHANG.dn);
  });

  it('have no password here, and nobody is added to them', async () => {
    const emulator = await startEmulator((await startDirectory(behaveLikeAd())).url);
    await signIn(emulator);
    expect(() => emulator.updateAdAccount('zhangsan', { password: 'x' })).toThrow('there is no "password" here');
    expect(() => emulator.addAdAccount({ sAMAccountName: 'lisi', password: 'x' })).toThrow(
      'with the option ad, the accounts are those of the directory',
    );
    const adAccounts = [{ sAMAccountName: 'lisi', password: 'x' }];
    const ad = { url: 'ldaps://x', bindDn: 'x', bindPassword: 'x', baseDn: 'x' };
    expect(() => new GenAuthEmulator({ ad, adAccounts })).toThrow(
      'adAccounts[0]: with the option ad, the accounts are those of the directory.',
    );
  });
});

describe('a directory that fails', () => {
  type Fault = [string, LdapBehaviour, Partial<EmulatorActiveDirectory>, number, number | undefined, string];
  const FAULTS: Fault[] = [
    [
      'refuses the one that searches',
      behaveLikeAd(),
      { bindPassword: 'c4nary-another-password' },
      422,
      2820002,
      'The AD connection is configured wrongly: the directory refuses bindDn with bindPassword (data 52e).',
    ],
    [
      'has locked the one that searches',
      behaveLikeAd((request) => (request.kind === 'bind' && request.dn === SEARCHER ? refuse('775') : undefined)),
      {},
      422,
      2820002,
      'The AD connection is configured wrongly: the directory refuses bindDn with bindPassword (data 775).',
    ],
    ...[10, 32, 34].map((code): Fault => [
      `has not the place to look (${code})`,
      behaveLikeAd(({ kind }) => (kind === 'search' ? { code } : undefined)),
      {},
      422,
      2820002,
      'The AD connection is configured wrongly: the directory has no such baseDn.',
    ]),
    [
      'does not understand who searches',
      behaveLikeAd(({ kind }) => (kind === 'bind' ? { code: 34 } : undefined)),
      {},
      422,
      2820002,
      'The AD connection is configured wrongly: the directory has no such bindDn.',
    ],
    [
      'says nothing of why it refuses the one that searches',
      behaveLikeAd(({ kind }) => (kind === 'bind' ? { code: 49 } : undefined)),
      {},
      422,
      2820002,
      'The AD connection is configured wrongly: the directory refuses bindDn with bindPassword.',
    ],
    [
      'tells a part of what it found',
      behaveLikeAd(({ kind }) => (kind === 'search' ? { code: 4, entries: [ZHANG] } : undefined)),
      {},
      602,
      undefined,
      'The directory answered an error: LDAP result code 4.',
    ],
    [
      'has a certificate of somebody else',
      behaveLikeAd(),
      { ca: new CertificateAuthority().cert },
      422,
      2820002,
      'The AD connection is configured wrongly: its certificate is not trusted (CERT_SIGNATURE_FAILURE), see ca.',
    ],
    [
      'has a certificate that Node does not know',
      behaveLikeAd(),
      { ca: undefined },
      422,
      2820002,
      'The AD connection is configured wrongly: its certificate is not trusted (UNABLE_TO_VERIFY_LEAF_SIGNATURE), see ca.',
    ],
    [
      'is busy',
      behaveLikeAd(({ kind }) => (kind === 'search' ? { code: 51, text: 'c4nary-of-the-directory' } : undefined)),
      {},
      602,
      undefined,
      'The directory answered an error: LDAP result code 51.',
    ],
    [
      'hangs up',
      behaveLikeAd(({ kind }) => (kind === 'search' ? 'drop' : undefined)),
      {},
      601,
      undefined,
      'The directory cannot be reached: the connection ended.',
    ],
    [
      'says nothing',
      behaveLikeAd(({ kind }) => (kind === 'search' ? 'silence' : undefined)),
      { timeout: 100 },
      408,
      undefined,
      'The directory did not answer in time: 100 ms.',
    ],
  ];
  it.each(FAULTS)('one that %s', async (_, behave, ad, statusCode, apiCode, message) => {
    const directory = await startDirectory(behave);
    const emulator = await startEmulator(directory.url, ad);
    expect(await signIn(emulator)).toEqual({
      statusCode,
      ...(apiCode !== undefined && { apiCode }),
      message,
      outcome: 'directory_failed',
    });
    await directory.idle();
  });

  it('one that is not there', async () => {
    const server = await TcpServer.start();
    await server.close();
    const emulator = await startEmulator(`ldaps://127.0.0.1:${server.port}`);
    expect(await signIn(emulator)).toMatchObject({
      statusCode: 601,
      message: 'The directory cannot be reached: ECONNREFUSED.',
    });
  });

  it.each([
    ['takes no TLS', undefined, 601, /^The directory cannot be reached: \w+\.$/, 5000],
    ['never ends its handshake', () => {}, 408, /^The directory did not answer in time: 100 ms\.$/, 100],
  ])('one that %s', async (_, converse, statusCode, message, timeout) => {
    const server = await TcpServer.start(converse ?? ((socket) => socket.end('220 ready\r\n')));
    closing.push(() => server.close());
    const emulator = await startEmulator(`ldaps://127.0.0.1:${server.port}`, { timeout });
    expect(await signIn(emulator)).toMatchObject({ statusCode, message: expect.stringMatching(message) as string });
    await server.idle();
  });

  it('does not hold up the end of the emulator, and serves again after a new start', async () => {
    let isSilent = true;
    const directory = await startDirectory(
      behaveLikeAd(({ kind }) => (kind === 'search' && isSilent ? 'silence' : undefined)),
    );
    const emulator = await startEmulator(directory.url, { timeout: 60_000 });
    const asking = signIn(emulator).catch((error: unknown) => error);
    while (directory.requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
    await emulator.stop();
    await directory.idle();
    expect(await asking).toMatchObject({ message: 'fetch failed' });
    isSilent = false;
    await emulator.start();
    expect(await signIn(emulator)).toMatchObject({ statusCode: 200 });
  });
});

describe('what is left', () => {
  it('is no timer and no connection after a sign-in', async () => {
    const directory = await startDirectory(behaveLikeAd());
    const emulator = await startEmulator(directory.url, { timeout: 60_000 });
    await signIn(emulator);
    await directory.idle();
    const countTimers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = countTimers();
    await signIn(emulator);
    await directory.idle();
    expect(countTimers()).toBeLessThanOrEqual(before);
  });

  it('is no question once it stops, though an answer still comes', async () => {
    // Whoever searches is answered late: the answer arrives when it is too late to go on.
    let answerLate = (): void => {};
    const directory = await startDirectory(
      behaveLikeAd(({ kind }) => (kind === 'search' ? 'later' : undefined)),
      (send) => (answerLate = () => send({ code: 0, entries: [ZHANG] })),
    );
    const ad = new ActiveDirectory(
      readActiveDirectory(
        {
          url: directory.url,
          ca: authority.cert,
          bindDn: SEARCHER,
          bindPassword: BIND_PASSWORD,
          baseDn: BASE_DN,
        },
        'ad',
      ),
    );
    await ad.open();
    const asking = ad.authenticate('zhangsan', PASSWORD).catch((error: Refusal) => error.outcome);
    while (directory.requests.length < 2) await new Promise((resolve) => setImmediate(resolve));
    const closing = ad.close();
    answerLate();
    await closing;
    expect(await asking).toBe('directory_failed');
    await directory.idle();
    expect(directory.requests).toHaveLength(2);
  });

  it('is nobody who asks once it is closed, nor before it is open', async () => {
    const directory = await startDirectory(behaveLikeAd());
    const options = { url: directory.url, ca: authority.cert, bindDn: SEARCHER, bindPassword: BIND_PASSWORD };
    const ad = new ActiveDirectory(readActiveDirectory({ ...options, baseDn: BASE_DN }, 'ad'));
    const ask = () => ad.authenticate('zhangsan', PASSWORD).then(String, (error: Refusal) => error.outcome);
    expect(await ask()).toBe('directory_failed');
    await ad.open();
    expect(await ask()).toBe('[object Object]');
    await ad.close();
    expect([await ask(), directory.requests.length]).toEqual(['directory_failed', 3]);
  });
});

describe('web pages in the browser of whoever runs it', () => {
  it.each([
    ['of another origin', { origin: 'https://evil.example' }, 403],
    ['of another origin on this machine', { origin: 'http://127.0.0.1:1' }, 403],
    ['without an origin', { origin: 'null' }, 403],
    ['by a name that was made to point here', { host: 'evil.example' }, 403],
    ['none: a server', {}, 200],
  ])('cannot try passwords at the directory: %s', async (_, headers, statusCode) => {
    const directory = await startDirectory(behaveLikeAd());
    const emulator = await startEmulator(directory.url);
    const json = signInBody(emulator, {
      connection: 'AD',
      adPayload: { sAMAccountName: 'zhangsan', password: PASSWORD },
    });
    const { text } = await ask(emulator.url, { path: '/api/v3/signin', json, headers });
    expect(JSON.parse(text)).toMatchObject({ statusCode });
    expect(directory.requests).toHaveLength(statusCode === 200 ? 3 : 0);
    expect(emulator.signIns.map(({ outcome }) => outcome)).toEqual([
      statusCode === 200 ? 'success' : 'client_authentication_failed',
    ]);
  });

  it('may send sign-ins where nothing is at stake', async () => {
    const emulator = await new GenAuthEmulator().start();
    closing.push(() => emulator.stop());
    const headers = { origin: 'https://page.example', 'content-type': 'application/json' };
    expect((await postSignIn(emulator, signInBody(emulator), headers)).answer).toMatchObject({ statusCode: 200 });
  });

  it.each([
    [{}, true],
    [{ appSecret: 'a secret of our own' }, false],
    [{ appSecret: 'a secret of our own', tokenEndpointAuthMethod: 'none' }, true],
  ] as const)('nor other machines, without a secret: %j', (options, isRefused) => {
    const ad = { url: 'ldaps://dc.example.com', bindDn: 'CN=svc', bindPassword: 'x', baseDn: BASE_DN };
    const build = () => new GenAuthEmulator({ ad, allowRemote: true, host: '0.0.0.0', ...options });
    if (isRefused) expect(build).toThrow(/^ad: with allowRemote and no secret, .* give an appSecret of your own/);
    else expect(build).not.toThrow();
  });
});

describe('secrets', () => {
  it('are in no answer and in no journal', async () => {
    const directory = await startDirectory(behaveLikeAd());
    const emulator = await startEmulator(directory.url);
    const seen = [await signIn(emulator), await signIn(emulator, 'zhangsan', 'c4nary-wrong'), emulator.signIns];
    const list = await control(emulator, 'GET', '/users');
    expect(findLeaks([seen, list, emulator], [PASSWORD, BIND_PASSWORD, 'c4nary-wrong'])).toEqual([]);
  });
});

describe('options', () => {
  it('leave a sign-in 5 s at the directory', () => {
    const given = { url: 'ldaps://dc.example.com:636', bindDn: 'CN=svc', bindPassword: 'x', baseDn: BASE_DN };
    expect(readActiveDirectory(given, 'ad')).toEqual({
      ...given,
      host: 'dc.example.com',
      ca: undefined,
      timeout: 5000,
    });
  });

  const AD = { url: 'ldaps://dc.example.com', bindDn: 'CN=svc', bindPassword: 'c4nary-secret', baseDn: BASE_DN };
  const build = (change: object) => () => new GenAuthEmulator({ ad: { ...AD, ...change } });

  it.each([
    [{ url: undefined }, /^ad\.url: expected 'ldaps:\/\/HOST' or .*, got undefined\.$/],
    [
      { url: 'ldap://dc.example.com' },
      /^ad\.url: expected 'ldaps:.* \(only with TLS: .*got "ldap:\/\/dc\.example\.com"\.$/,
    ],
    [{ url: 'dc.example.com' }, /^ad\.url: .*got "dc\.example\.com"\.$/],
    [{ url: 'ldaps://' }, /^ad\.url: /],
    [{ url: 'ldaps:///DC=example' }, /^ad\.url: /],
    [{ url: 'ldaps://dc.example.com/DC=example,DC=com' }, /^ad\.url: /],
    [{ url: 'ldaps://dc.example.com?sub' }, /^ad\.url: /],
    [{ url: 'ldaps://dc.example.com#a' }, /^ad\.url: /],
    [{ url: 'ldaps://svc:c4nary-secret@dc.example.com' }, /^ad\.url: expected .*, without credentials, got another\.$/],
    [{ url: 'ldaps://dc.example.com:99999' }, /^ad\.url: /],
    [{ url: ['ldaps://a', 'ldaps://b'] }, /^ad\.url: .*got a list\.$/],
    [
      { ca: 'c4nary-secret' },
      /^ad\.ca: expected a certificate as PEM text, -----BEGIN CERTIFICATE-----, got another\.$/,
    ],
    [
      { ca: '-----BEGIN CERTIFICATE-----\nc4nary-secret\n-----END CERTIFICATE-----' },
      /^ad\.ca: expected a certificate/,
    ],
    [{ ca: Buffer.from('x') }, /^ad\.ca: /],
    [{ bindDn: '' }, /^ad\.bindDn: expected a string that is not empty, got ""\.$/],
    [{ bindPassword: '' }, /^ad\.bindPassword: expected a string that is not empty, got an empty one\.$/],
    [{ bindPassword: 12345678 }, /^ad\.bindPassword: expected a string that is not empty, got a number\.$/],
    [{ baseDn: undefined }, /^ad\.baseDn: expected a string that is not empty, got undefined\.$/],
    [{ timeout: 0 }, /^ad\.timeout: expected a whole number from 1 to 60000, got 0\.$/],
    [{ timeout: Number.NaN }, /^ad\.timeout: /],
    [
      { bindDN: 'CN=svc' },
      /^ad: there is no "bindDN" here; known are url, ca, bindDn, bindPassword, baseDn, timeout\.$/,
    ],
  ])('%j is a mistake', (change, message) => {
    expect(build(change)).toThrow(message);
    try {
      build(change)();
    } catch (error) {
      expect(findLeaks(error, ['c4nary-secret'])).toEqual([]);
    }
  });

  it.each([
    'ldaps://dc.example.com',
    'ldaps://dc.example.com/',
    'ldaps://dc.example.com:3269',
    'ldaps://[fe80::1]:636',
  ])('%s is none', (url) => {
    expect(build({ url })).not.toThrow();
  });

  it('an IPv6 address is the one that it is', () => {
    const ad = { url: 'ldaps://[2001:db8::a]:636', bindDn: 'CN=svc', bindPassword: 'x', baseDn: BASE_DN };
    expect(readActiveDirectory(ad, 'ad').host).toBe('2001:db8::a');
  });

  (HAS_IPV6 ? it : it.skip)('and is asked', async () => {
    const server = await LdapServer.start(authority.issue({ hosts: ['localhost'] }), behaveLikeAd(), { host: '::1' });
    closing.push(() => server.stop());
    const emulator = await startEmulator(server.url);
    expect(await signIn(emulator)).toMatchObject({ message: expect.stringContaining('ERR_TLS_CERT_ALTNAME_INVALID') });
  });
});

describe('the environment', () => {
  const ENV = {
    EMULATOR_AD_URL: 'ldaps://dc.example.com',
    EMULATOR_AD_BIND_DN: 'CN=svc',
    EMULATOR_AD_BIND_PASSWORD: 'c4nary-secret',
    EMULATOR_AD_BASE_DN: BASE_DN,
  };

  it('tells the directory, or that there is none', async () => {
    expect(await readActiveDirectoryEnvironment({ EMULATOR_PORT: '3999' })).toBeUndefined();
    expect(await readActiveDirectoryEnvironment(ENV)).toEqual({
      url: 'ldaps://dc.example.com',
      bindDn: 'CN=svc',
      bindPassword: 'c4nary-secret',
      baseDn: BASE_DN,
    });
  });

  it('takes empty variables for none', async () => {
    const empty = Object.fromEntries([...Object.keys(ENV), 'EMULATOR_AD_CA'].map((name) => [name, '']));
    expect(await readActiveDirectoryEnvironment(empty)).toBeUndefined();
    expect(await readActiveDirectoryEnvironment({ ...ENV, EMULATOR_AD_CA: '' })).not.toHaveProperty('ca');
    const reading = readActiveDirectoryEnvironment({ ...ENV, EMULATOR_AD_BIND_PASSWORD: '' });
    await expect(reading).rejects.toThrow(' without EMULATOR_AD_BIND_PASSWORD: a directory needs every');
  });

  it.each(Object.keys(ENV))('without %s the others are a mistake', async (name) => {
    const reading = readActiveDirectoryEnvironment({ ...ENV, [name]: undefined });
    await expect(reading).rejects.toThrow(new RegExp(`^EMULATOR_AD_\\w+, .* without ${name}: a directory needs every`));
  });

  it('a file of certificates that cannot be read is named', async () => {
    const reading = readActiveDirectoryEnvironment({ ...ENV, EMULATOR_AD_CA: '/nowhere/ca.pem' });
    await expect(reading).rejects.toThrow('EMULATOR_AD_CA: cannot read /nowhere/ca.pem (ENOENT).');
  });
});

test('without ldapts, an emulator with a directory does not start, and says what to install', async () => {
  jest.unstable_mockModule('ldapts', () => {
    throw new Error("Cannot find package 'ldapts'");
  });
  jest.resetModules();
  const { GenAuthEmulator: Emulator } = await import('../../src/emulator/index.js');
  const ad = { url: 'ldaps://dc.example.com', bindDn: 'x', bindPassword: 'x', baseDn: 'x' };
  await expect(new Emulator({ ad }).start()).rejects.toMatchObject({
    code: 'ldapts_missing',
    message: 'The GenAuth emulator needs the package ldapts for this: npm install ldapts@8',
  });
  const without = await new Emulator().start();
  await without.stop();
});
