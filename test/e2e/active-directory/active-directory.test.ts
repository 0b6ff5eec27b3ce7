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

/** As a directory counts time: in units of 100 ns since 1601. */
const toFileTime = (date: Date): string => String((BigInt(date.getTime()) + 11_644_473_600_000n) * 10_000n);

const ZHANG = { name: 'zhangsan', password: '密码-Pässw0rd 🔑' };
const ATTRIBUTES = {
  displayName: '张三',
  givenName: '三',
  sn: '张',
  mail: 'zhangsan@example.test',
  mobile: '+8613800000009',
};
const PEOPLE = {
  zhangsan: { password: ZHANG.password, attributes: ATTRIBUTES },
  disabled: { password: makePassword(), attributes: { userAccountControl: '514' } },
  expired: { password: makePassword(), attributes: { accountExpires: toFileTime(new Date(Date.now() - 86_400_000)) } },
  mustchange: { password: makePassword(), attributes: { pwdLastSet: '0' } },
  nohours: { password: makePassword(), attributes: { logonHours: Buffer.alloc(21) } },
  // WORKSTATION_TRUST_ACCOUNT
  PC1$: { password: makePassword(), attributes: { objectClass: 'computer', userAccountControl: '4096' } },
  nowhere: { password: makePassword(), attributes: { userWorkstations: 'NOT-HERE' } },
} as const;

const WRONG = { statusCode: 401, error: 'Unauthorized', code: 'invalid_credentials' };

(OBSTACLE === undefined ? describe : describe.skip)('with an Active Directory (Samba)', () => {
  let starting: Promise<DomainController> | undefined;
  let directory: DomainController;

  beforeAll(async () => {
    starting = DomainController.start();
    directory = await starting;
    for (const [name, { password, attributes }] of Object.entries(PEOPLE)) {
      await directory.addUser(name, password, attributes);
    }
  }, 120_000);
  // Also one that was not there in time.
  afterAll(async () => (await starting?.catch(() => undefined))?.stop());

  describe.each(SAMPLE_APPS)('the sample %s', (sampleName) => {
    let sample: SampleApp;
    /** What this process has printed. */
    let output: unknown[];
    beforeAll(async () => {
      output = [];
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

    it('signs in whom the directory lets in, with what it says of them', async () => {
      const { status, body } = await login(ZHANG.name, ZHANG.password);
      expect([status, body['user']]).toEqual([
        200,
        expect.objectContaining({
          name: '张三',
          given_name: '三',
          family_name: '张',
          email: 'zhangsan@example.test',
          phone_number: '+8613800000009',
          roles: [],
        }),
      ]);
      const headers = { authorization: `Bearer ${body['accessToken'] as string}` };
      expect((await send(`${sample.url}/me`, { headers })).body).toEqual(body['user']);
      expect((await send(`${sample.url}/admin`, { headers })).status).toBe(403);
    });

    it('knows a user under a name in other letters', async () => {
      const [first, second] = [await login(ZHANG.name, ZHANG.password), await login('ZhangSan', ZHANG.password)];
      expect(second.status).toBe(200);
      expect(second.body['user']).toMatchObject({ sub: (first.body['user'] as { sub: string }).sub });
    });

    it.each([
      ['another', 'Wr0ng-password!'],
      ['the right one with a space behind', `${ZHANG.password} `],
      ['the right one in other letters', ZHANG.password.toUpperCase()],
      ['the right one decomposed', ZHANG.password.normalize('NFD')],
      ['the right one cut', ZHANG.password.slice(0, -1)],
      ['a character of no width', '\u0000'],
    ])('refuses a wrong password: %s', async (_, password) => {
      await directory.changeUser(ZHANG.name, { lockoutTime: '0' });
      const { status, body } = await login(ZHANG.name, password);
      expect([status, body]).toEqual([401, expect.objectContaining(WRONG)]);
    });

    it.each([
      '*',
      'zhang*',
      'zhangsan)(objectClass=*',
      '*)(sAMAccountName=zhangsan',
      'zhangsan\u0000',
      String.raw`zhangs\61n`,
      String.raw`\2a`,
      'zhangsan ',
      ' zhangsan',
      String.raw`EXAMPLE\zhangsan`,
      'zhangsan@example.test',
      'CN=zhangsan,CN=Users,DC=example,DC=test',
      '张三',
      'nobody',
      'z'.repeat(256),
    ])('takes the name %j for nobody', async (name) => {
      await directory.changeUser(ZHANG.name, { lockoutTime: '0' });
      const { status, body } = await login(name, ZHANG.password);
      expect([status, body]).toEqual([401, expect.objectContaining(WRONG)]);
      expect(await directory.readUser(ZHANG.name, 'badPwdCount')).toBe('0');
    });

    it('takes a computer for nobody, though it has a password', async () => {
      expect((await login('PC1$', PEOPLE['PC1$'].password)).body).toEqual(expect.objectContaining(WRONG));
    });

    it.each([
      ['disabled', 403, 'access_denied', 'account_disabled'],
      ['expired', 403, 'access_denied', 'account_expired'],
      ['mustchange', 403, 'password_change_required', 'password_change_required'],
      ['nohours', 403, 'access_denied', 'access_denied'],
      ['nowhere', 403, 'access_denied', 'access_denied'],
    ] as const)('tells the user "%s" apart, once the password is right', async (name, status, code, outcome) => {
      const right = await login(name, PEOPLE[name].password);
      expect([right.status, right.body['code']]).toEqual([status, code]);
      const wrong = await login(name, 'Wr0ng-password!');
      expect([wrong.status, wrong.body]).toEqual([401, expect.objectContaining(WRONG)]);
      expect(sample.emulator.signIns.slice(-2)).toMatchObject([{ outcome }, { outcome: 'invalid_credentials' }]);
    });

    it('is told when the directory locks an account, and when it opens it again', async () => {
      const [name, password] = [`locked-${sampleName}`, makePassword()];
      await directory.addUser(name, password);
      for (let i = 0; i < LOCK_AFTER; i++) expect((await login(name, 'Wr0ng-password!')).status).toBe(401);
      const locked = await login(name, password);
      expect([locked.status, locked.body['code']]).toEqual([403, 'account_locked']);
      expect(await directory.readUser(name, 'lockoutTime')).not.toBe('0');
      await directory.changeUser(name, { lockoutTime: '0' });
      expect((await login(name, password)).status).toBe(200);
    });

    it('counts one sign-in as one try', async () => {
      const name = `once-${sampleName}`;
      await directory.addUser(name, makePassword());
      await login(name, 'Wr0ng-password!');
      expect(await directory.readUser(name, 'badPwdCount')).toBe('1');
    });

    it('takes a new password at once, and the old one no more', async () => {
      const [name, before, after] = [`renewed-${sampleName}`, makePassword(), makePassword()];
      await directory.addUser(name, before);
      expect((await login(name, before)).status).toBe(200);
      await directory.setPassword(name, after);
      expect((await login(name, after)).status).toBe(200);
      expect((await login(name, before)).status).toBe(401);
    });

    it('many sign in at once', async () => {
      await directory.changeUser(ZHANG.name, { lockoutTime: '0' });
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, i) => login(ZHANG.name, i === 7 ? 'Wr0ng-password!' : ZHANG.password)),
      );
      expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 20 }, (_, i) => (i === 7 ? 401 : 200)));
    });

    it('says 503 while the directory is down, and never 401', async () => {
      await directory.pause();
      try {
        for (const password of [ZHANG.password, 'Wr0ng-password!']) {
          const { status, headers, body } = await login(ZHANG.name, password);
          expect([status, body['code']]).toEqual([503, 'upstream_unavailable']);
          expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
        }
      } finally {
        await directory.resume();
      }
      expect((await login(ZHANG.name, ZHANG.password)).status).toBe(200);
    });

    it('prints no password', async () => {
      const secrets = [...Object.values(PEOPLE).map(({ password }) => password), directory.bindPassword];
      expect(output).not.toEqual([]);
      expect(findLeaks([output, sample.emulator.signIns], secrets)).toEqual([]);
    });
  });

  describe('a client of the emulator', () => {
    const closing: (() => unknown)[] = [];
    afterEach(async () => {
      for (const close of closing.splice(0).toReversed()) await close();
    });

    async function signIn(changes: Partial<LdapDirectoryOptions>, password = ZHANG.password) {
      const { url, ca, bindDn, bindPassword, baseDn } = directory;
      const ad = makeLdapDirectory({ url, ca, bindDn, bindPassword, baseDn, ...changes });
      const emulator = await new GenAuthEmulator({ ad }).start();
      closing.push(() => emulator.stop());
      const client = new GenAuthClient({ ...emulator.clientOptions, passwordEncryptType: 'sm2' });
      closing.push(() => client.close());
      return client.signIn({ sAMAccountName: ZHANG.name, password });
    }

    it('encrypts the password on the way to it', async () => {
      expect(await signIn({})).toMatchObject({ kind: 'success' });
    });

    it.each<[string, Partial<LdapDirectoryOptions>, boolean]>([
      ['a user principal name as the one that searches', { bindDn: 'svc-genauth@example.test' }, true],
      ['a place that holds the users', { baseDn: 'CN=Users,DC=example,DC=test' }, true],
      ['the global catalogue', { url: 'GC' }, true],
      ['a place that holds none', { baseDn: 'CN=Computers,DC=example,DC=test' }, false],
    ])('%s', async (_, ad, isFound) => {
      const url = ad.url === 'GC' ? { url: `${directory.url}:3269` } : {};
      expect((await signIn({ ...ad, ...url })).kind).toBe(isFound ? 'success' : 'invalid_credentials');
    });

    it.each<[string, Partial<LdapDirectoryOptions>]>([
      ['an authority that did not issue its certificate', { ca: new CertificateAuthority().cert }],
      ['the authorities that Node knows', { ca: undefined }],
      ['another password of the one that searches', { bindPassword: makePassword() }],
      ['one that searches and is not there', { bindDn: 'CN=nobody,CN=Users,DC=example,DC=test' }],
      ['a place that is not there', { baseDn: 'DC=nowhere,DC=test' }],
      ['a place that is no name', { baseDn: 'CN=Users;;' }],
    ])('%s: a mistake of the operator, and not of the person', async (_, ad) => {
      await expect(signIn(ad)).rejects.toMatchObject({
        name: 'ConfigurationError',
        code: 'connection_misconfigured',
        statusCode: 500,
      });
    });
  });
});
