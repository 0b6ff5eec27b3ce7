import { jest } from '@jest/globals';
import { GenAuthClient } from 'passport-genauth';
import { GenAuthEmulator } from 'passport-genauth/emulator';
import { CertificateAuthority } from '../../support/certificate.js';
import { DomainController, findObstacle, LOCK_AFTER, makePassword } from '../../support/domain-controller.js';
import { findLeaks } from '../../support/leak.js';
import { send } from '../../support/nest-app.js';
import { type LdapDirectoryOptions, makeLdapDirectory } from './ldap-directory.js';
import { SAMPLE_APPS, type SampleApp, startSampleApp } from './sample-apps.js';

const OBSTACLE = findObstacle();
if (OBSTACLE !== undefined) process.stderr.write(`SKIPPED test/e2e/active-directory: ${OBSTACLE}.\n`);

/** The time format of Active Directory: units of 100 ns since 1601. */
const toFileTime = (date: Date): string => String((BigInt(date.getTime()) + 11_644_473_600_000n) * 10_000n);

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
  nowhere: { password: makePassword(), attributes: { userWorkstations: 'NOT-HERE' } },
  // WORKSTATION_TRUST_ACCOUNT: a computer has a password, too.
  PC1$: { password: makePassword(), attributes: { objectClass: 'computer', userAccountControl: '4096' } },
} as const;
const WRONG_PASSWORD = 'Wr0ng-password!';
const WRONG = { statusCode: 401, error: 'Unauthorized', code: 'invalid_credentials' };

(OBSTACLE === undefined ? describe : describe.skip)('with an Active Directory (Samba)', () => {
  let starting: Promise<DomainController> | undefined;
  let directory: DomainController;

  beforeAll(async () => {
    starting = DomainController.start();
    directory = await starting;
    for (const [name, { password, attributes }] of Object.entries(USERS)) {
      await directory.addUser(name, password, attributes);
    }
  }, 120_000);
  // If the start took too long, the controller must still be stopped.
  afterAll(async () => (await starting?.catch(() => undefined))?.stop());

  describe.each(SAMPLE_APPS)('the sample %s', (sampleName) => {
    let sample: SampleApp;
    const output: unknown[] = [];
    beforeAll(async () => {
      output.length = 0;
      for (const stream of [process.stdout, process.stderr]) {
        jest.spyOn(stream, 'write').mockImplementation((text) => output.push(text) > 0);
      }
      for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
        jest.spyOn(console, method).mockImplementation((...values) => void output.push(values));
      }
      sample = await startSampleApp(sampleName, makeLdapDirectory(directory));
    });
    afterAll(async () => {
      jest.restoreAllMocks();
      await sample?.close();
    });
    const login = (name: string, password: string) =>
      send(`${sample.url}/auth/login/ad`, { method: 'POST', body: { sAMAccountName: name, password } });

    it('signs a user in with the attributes of the directory as claims', async () => {
      const { status, body } = await login(ZHANG.name, ZHANG.password);
      const user = {
        name: '张三',
        given_name: '三',
        family_name: '张',
        email: 'zhangsan@example.test',
        phone_number: '+8613800000009',
        roles: [],
      };
      expect([status, body['user']]).toEqual([200, expect.objectContaining(user)]);
      const headers = { authorization: `Bearer ${body['accessToken'] as string}` };
      expect((await send(`${sample.url}/me`, { headers })).body).toEqual(body['user']);
      expect((await send(`${sample.url}/admin`, { headers })).status).toBe(403);
    });

    it.each([
      ['disabled', 'access_denied'],
      ['mustchange', 'password_change_required'],
    ] as const)('answers the user "%s" with %s, but only to the correct password', async (name, code) => {
      const right = await login(name, USERS[name].password);
      expect([right.status, right.body['code']]).toEqual([403, code]);
      const wrong = await login(name, WRONG_PASSWORD);
      expect([wrong.status, wrong.body]).toEqual([401, expect.objectContaining(WRONG)]);
    });

    it('answers 503 while the directory is down, never 401', async () => {
      await directory.pause();
      const answers = [await login(ZHANG.name, ZHANG.password), await login(ZHANG.name, WRONG_PASSWORD)];
      await directory.resume();
      const down = [503, expect.objectContaining({ code: 'upstream_unavailable' }), expect.stringMatching(/^[1-9]/)];
      expect(answers.map(({ status, body, headers }) => [status, body, headers.get('retry-after')])).toEqual([
        down,
        down,
      ]);
      expect((await login(ZHANG.name, ZHANG.password)).status).toBe(200);
    });

    it('prints no password', () => {
      const secrets = [...Object.values(USERS).map(({ password }) => password), directory.bindPassword];
      expect(output).not.toEqual([]);
      expect(findLeaks([output, sample.emulator.signIns], secrets)).toEqual([]);
    });
  });

  describe('a client of the emulator', () => {
    const closing: (() => unknown)[] = [];
    let shared: Awaited<ReturnType<typeof open>>;
    beforeAll(async () => {
      shared = await open();
    });
    afterEach(() => shared.emulator.reset());
    afterAll(async () => {
      for (const close of closing.toReversed()) await close();
    });

    async function open(changes: Partial<LdapDirectoryOptions> = {}) {
      const { url, ca, bindDn, bindPassword, baseDn } = directory;
      const ad = makeLdapDirectory({ url, ca, bindDn, bindPassword, baseDn, ...changes });
      const emulator = await new GenAuthEmulator({ ad }).start();
      const client = new GenAuthClient({ ...emulator.clientOptions, passwordEncryptType: 'sm2' });
      closing.push(
        () => emulator.stop(),
        () => client.close(),
      );
      const run = (sAMAccountName: string, password: string) => client.signIn({ sAMAccountName, password });
      return { emulator, run };
    }
    const signIn = async (name: string, password: string) => (await shared.run(name, password)).kind;

    it('ignores the case of names', async () => {
      const { run } = shared;
      const [first, second] = [await run(ZHANG.name, ZHANG.password), await run('ZhangSan', ZHANG.password)];
      expect([first, second]).toMatchObject([{ kind: 'success' }, { user: (first as { user: object }).user }]);
    });

    it.each([
      ['another password', WRONG_PASSWORD],
      ['the password with a space', `${ZHANG.password} `],
      ['the password in capitals', ZHANG.password.toUpperCase()],
      ['the decomposed password', ZHANG.password.normalize('NFD')],
      ['a null character', '\u0000'],
    ])('refuses %s', async (_, password) => {
      await directory.changeUser(ZHANG.name, { lockoutTime: '0' });
      expect(await signIn(ZHANG.name, password)).toBe('invalid_credentials');
    });

    it.each([
      'zhang*',
      '*)(sAMAccountName=zhangsan',
      'zhangsan\u0000',
      String.raw`zhangs\61n`,
      'zhangsan ',
      String.raw`EXAMPLE\zhangsan`,
      'zhangsan@example.test',
      'CN=zhangsan,CN=Users,DC=example,DC=test',
    ])('does not find zhangsan by the name %j', async (name) => {
      await directory.changeUser(ZHANG.name, { lockoutTime: '0' });
      expect(await signIn(name, ZHANG.password)).toBe('invalid_credentials');
      expect(await directory.readUser(ZHANG.name, 'badPwdCount')).toBe('0');
    });

    it.each([
      ['disabled', 'account_disabled'],
      ['expired', 'account_expired'],
      ['mustchange', 'password_change_required'],
      ['nohours', 'access_denied'],
      ['nowhere', 'access_denied'],
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

    it('accepts a new password at once, and no longer the old one', async () => {
      const [name, before, after] = ['renewed', makePassword(), makePassword()];
      await directory.addUser(name, before);
      expect(await signIn(name, before)).toBe('success');
      await directory.setPassword(name, after);
      expect([await signIn(name, after), await signIn(name, before)]).toEqual(['success', 'invalid_credentials']);
    });

    it('signs 20 users in at once', async () => {
      await directory.changeUser(ZHANG.name, { lockoutTime: '0' });
      const passwords = Array.from({ length: 20 }, (_, i) => (i === 7 ? WRONG_PASSWORD : ZHANG.password));
      const outcomes = await Promise.all(passwords.map((password) => signIn(ZHANG.name, password)));
      const expected = passwords.map(() => 'success').with(7, 'invalid_credentials');
      expect(outcomes).toEqual(expected);
    });

    it.each<[string, Partial<LdapDirectoryOptions>, string]>([
      ['a user principal name as bindDn', { bindDn: 'svc-genauth@example.test' }, 'success'],
      ['the folder of the users as baseDn', { baseDn: 'CN=Users,DC=example,DC=test' }, 'success'],
      ['a folder without users as baseDn', { baseDn: 'CN=Computers,DC=example,DC=test' }, 'invalid_credentials'],
    ])('searches with %s', async (_, changes, kind) => {
      expect(await (await open(changes)).run(ZHANG.name, ZHANG.password)).toMatchObject({ kind });
    });

    it('searches in the global catalogue', async () => {
      const { run } = await open({ url: `${directory.url}:3269` });
      expect(await run(ZHANG.name, ZHANG.password)).toMatchObject({ kind: 'success' });
    });

    it.each<[string, Partial<LdapDirectoryOptions>]>([
      ['a certificate of another authority', { ca: new CertificateAuthority().cert }],
      ['a certificate that Node does not trust', { ca: undefined }],
      ['a wrong bindPassword', { bindPassword: makePassword() }],
      ['an unknown baseDn', { baseDn: 'DC=nowhere,DC=test' }],
      ['a malformed baseDn', { baseDn: 'CN=Users;;' }],
    ])('reports %s to the operator', async (_, changes) => {
      const { run } = await open(changes);
      const error = { name: 'ConfigurationError', code: 'connection_misconfigured', statusCode: 500 };
      await expect(run(ZHANG.name, ZHANG.password)).rejects.toMatchObject(error);
    });
  });
});
