import { jest } from '@jest/globals';
import { GenAuthClient } from 'passport-genauth';
import { GenAuthEmulator } from 'passport-genauth/emulator';
import { CertificateAuthority } from '../../support/certificate.js';
import { DomainController, findObstacle, LOCK_AFTER, makePassword } from './domain-controller.js';
import { findLeaks } from '../../support/leak.js';
import { catchError } from '../../support/promise.js';
import { type LdapDirectoryOptions, makeLdapDirectory } from './ldap-directory.js';

const OBSTACLE = findObstacle();
if (OBSTACLE !== undefined) process.stderr.write(`SKIPPED test/e2e/active-directory: ${OBSTACLE}.\n`);

/** The time format of Active Directory: units of 100 ns since 1601. */
const toFileTime = (date: Date): string => String((BigInt(date.getTime()) + 11_644_473_600_000n) * 10_000n);

const SCOPE = 'openid profile email phone roles';
const ZHANG = { name: 'zhangsan', password: '密码-Pässw0rd 🔑' };
const ATTRIBUTES = {
  displayName: '张三',
  givenName: '三',
  sn: '张',
  mail: 'zhangsan@example.test',
  mobile: '+8613800000009',
};
const yesterday = new Date(Date.now() - 86_400_000);
const USERS = {
  zhangsan: { password: ZHANG.password, attributes: ATTRIBUTES },
  disabled: { password: makePassword(), attributes: { userAccountControl: '514' } },
  expired: { password: makePassword(), attributes: { accountExpires: toFileTime(yesterday) } },
  mustchange: { password: makePassword(), attributes: { pwdLastSet: '0' } },
  nohours: { password: makePassword(), attributes: { logonHours: Buffer.alloc(21) } },
  // WORKSTATION_TRUST_ACCOUNT: a computer has a password, too.
  PC1$: { password: makePassword(), attributes: { objectClass: 'computer', userAccountControl: '4096' } },
} as const;
const WRONG_PASSWORD = 'Wr0ng-password!';

(OBSTACLE === undefined ? describe : describe.skip)('with an Active Directory (Samba)', () => {
  let directory: DomainController;

  beforeAll(async () => {
    directory = new DomainController();
    await directory.start();
    for (const [name, { password, attributes }] of Object.entries(USERS)) {
      await directory.addUser(name, password, attributes);
    }
  }, 120_000);
  afterAll(() => directory.stop());

  const output: unknown[] = [];
  const closing: (() => unknown)[] = [];
  let shared: Awaited<ReturnType<typeof open>>;
  beforeAll(async () => {
    for (const stream of [process.stdout, process.stderr]) {
      jest.spyOn(stream, 'write').mockImplementation((text) => output.push(text) > 0);
    }
    shared = await open();
  });
  afterEach(() => {
    const secrets = [...Object.values(USERS).map(({ password }) => password), directory.bindPassword];
    expect(findLeaks([output, shared.emulator.signIns], secrets)).toEqual([]);
    shared.emulator.reset();
  });
  afterAll(async () => {
    jest.restoreAllMocks();
    for (const close of closing.toReversed()) await close();
  });

  async function open(changes: Partial<LdapDirectoryOptions> = {}) {
    const { url, ca, bindDn, bindPassword, baseDn } = directory;
    const ad = makeLdapDirectory({ url, ca, bindDn, bindPassword, baseDn, ...changes });
    const emulator = await new GenAuthEmulator({ ad }).start();
    const client = new GenAuthClient({ ...emulator.clientOptions, scope: SCOPE, passwordEncryptType: 'sm2' });
    closing.push(
      () => emulator.stop(),
      () => client.close(),
    );
    const run = (sAMAccountName: string, password: string) => client.signIn({ sAMAccountName, password });
    return { emulator, run };
  }
  const signIn = async (name: string, password: string) => (await shared.run(name, password)).kind;

  it('signs a user in with the attributes of the directory as claims, and ignores the case of the name', async () => {
    const names = { name: '张三', given_name: '三', family_name: '张' };
    const user = { ...names, email: 'zhangsan@example.test', phone_number: '+8613800000009', roles: [] };
    const first = await shared.run(ZHANG.name, ZHANG.password);
    expect(first).toMatchObject({ kind: 'success', user });
    const { user: again } = (await shared.run('ZhangSan', ZHANG.password)) as { user: object };
    expect(again).toEqual((first as { user: object }).user);
  });

  it('reports while the directory is down that GenAuth is not available', async () => {
    await directory.pause();
    const error = await catchError(signIn(ZHANG.name, ZHANG.password));
    await directory.resume();
    expect(error).toMatchObject({ code: 'upstream_unavailable', statusCode: 503 });
    expect(await signIn(ZHANG.name, ZHANG.password)).toBe('success');
  });

  it.each([
    [ZHANG.name, `${ZHANG.password} `, '1'],
    [ZHANG.name, ZHANG.password.normalize('NFD'), '1'],
    ['zhang*', ZHANG.password, '0'],
    ['*)(sAMAccountName=zhangsan', ZHANG.password, '0'],
    [String.raw`zhangs\61n`, ZHANG.password, '0'],
  ])('refuses the name %j with the password %j, which adds %s failures to zhangsan', async (name, password, count) => {
    await directory.changeUser(ZHANG.name, { lockoutTime: '0' });
    expect(await signIn(name, password)).toBe('invalid_credentials');
    expect(await directory.readUser(ZHANG.name, 'badPwdCount')).toBe(count);
  });

  it.each([
    ['disabled', 'account_disabled'],
    ['expired', 'account_expired'],
    ['mustchange', 'password_change_required'],
    ['nohours', 'access_denied'],
    ['PC1$', 'invalid_credentials'],
  ] as const)('records the outcome of the user "%s" as %s', async (name, outcome) => {
    await signIn(name, USERS[name].password);
    await signIn(name, WRONG_PASSWORD);
    expect(shared.emulator.signIns).toMatchObject([{ outcome }, { outcome: 'invalid_credentials' }]);
  });

  it('is refused while the directory locks the account', async () => {
    const [name, password] = ['locked', makePassword()];
    await directory.addUser(name, password);
    await signIn(name, WRONG_PASSWORD);
    // One sign-in is one attempt.
    expect(await directory.readUser(name, 'badPwdCount')).toBe('1');
    for (let i = 1; i < LOCK_AFTER; i++) await signIn(name, WRONG_PASSWORD);
    expect(await signIn(name, password)).toBe('account_locked');
    await directory.changeUser(name, { lockoutTime: '0' });
    expect(await signIn(name, password)).toBe('success');
  });

  it.each<[string, Partial<LdapDirectoryOptions>]>([
    ['a certificate of another authority', { ca: new CertificateAuthority().cert }],
    ['a wrong bindPassword', { bindPassword: makePassword() }],
    ['an unknown baseDn', { baseDn: 'DC=nowhere,DC=test' }],
  ])('reports %s to the operator', async (_, changes) => {
    const { run } = await open(changes);
    const error = { name: 'ConfigurationError', code: 'connection_misconfigured', statusCode: 500 };
    await expect(run(ZHANG.name, ZHANG.password)).rejects.toMatchObject(error);
  });
});
