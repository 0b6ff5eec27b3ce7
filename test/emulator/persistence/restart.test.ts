import { jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { lstat, mkdir, mkdtemp, readFile, readdir, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GenAuthClient } from '../../../src/core/client.js';
import { GenAuthEmulator, type GenAuthEmulatorOptions } from '../../../src/emulator/index.js';
import { Browser } from '../hosted/browser.js';
import { areActive, getRefreshable, getRefreshed, getUserInfo, refresh, revoke } from '../oidc/requests.js';
import { asAd, asJson, asUser, getSystem, getTokens, send, signIn, verify } from '../support.js';

let folder: string;
let running: GenAuthEmulator | undefined;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'emulator-state-'));
});
afterEach(async () => {
  await running?.stop();
  await rm(folder, { recursive: true });
});

const statePath = () => join(folder, 'deep', 'state.json');

/** Stops the emulator that runs, and starts another one with the same file. */
async function start(options: GenAuthEmulatorOptions = {}): Promise<GenAuthEmulator> {
  await running?.stop();
  running = await new GenAuthEmulator({ stateFile: statePath(), ...options }).start();
  return running;
}

describe('after a restart with the option stateFile', () => {
  it('keeps tokens, refreshes and revocations valid, also of an old key', async () => {
    const before = await start();
    const old = await getRefreshable(before);
    await before.rotateKeys();
    const recent = await getRefreshable(before);
    const revoked = await getRefreshable(before);
    await revoke(before, revoked.refresh_token);
    const rotated = await getRefreshed(before, recent.refresh_token);

    const { port } = before;
    const after = await start({ port });
    await Promise.all([verify(after, old.id_token), verify(after, recent.access_token)]);
    const tokens = [old.access_token, rotated.access_token, revoked.access_token, recent.refresh_token];
    expect(await areActive(after, ...tokens)).toEqual([true, true, false, false]);
    expect(await getUserInfo(after, old.access_token)).toMatchObject({ status: 200 });
    const refreshed = await getRefreshed(after, rotated.refresh_token);
    expect(await areActive(after, refreshed.access_token)).toEqual([true]);
    expect(await refresh(after, rotated.refresh_token)).toMatchObject({ status: 400 });
    // A grant that is revoked after the restart ends the tokens that were issued before it.
    await revoke(after, refreshed.refresh_token);
    expect(await areActive(after, rotated.access_token)).toEqual([false]);
  });

  it('keeps the keys for passwords, so that a client of the old process can sign in', async () => {
    for (const passwordEncryptType of ['rsa', 'sm2'] as const) {
      const before = await start();
      const { port } = before;
      const client = new GenAuthClient({ ...before.clientOptions, passwordEncryptType });
      await client.signIn({ account: 'alice', password: 'passw0rd' });
      await start({ port });
      const outcome = await client.signIn({ account: 'alice', password: 'passw0rd' });
      await client.close();
      expect(outcome).toMatchObject({ kind: 'success' });
    }
    const system = await getSystem(running as GenAuthEmulator);
    expect(await getSystem(await start())).toEqual(system);
  });

  it('keeps failed sign-ins, their limits, the clock, the counts of requests and the second factor', async () => {
    const before = await start();
    before.protectLogins({ lockAfter: 1 });
    before.setClockDrift(3600);
    await signIn(before, asUser('bob', 'wrong'));
    const { secret } = before.totp('alice');
    const after = await start();
    expect(await signIn(after, asUser('bob'))).toMatchObject({ code: 2005 });
    expect([after.requests('signin'), after.totp('alice').secret]).toEqual([2, secret]);
    const [, payload = ''] = (await getTokens(after)).id_token.split('.');
    const { iat } = JSON.parse(Buffer.from(payload, 'base64url').toString()) as { iat: number };
    expect(iat).toBeGreaterThan(Date.now() / 1000 + 3000);
  });

  it('takes the limits and the clock from the options if they were changed there', async () => {
    const before = await start();
    before.protectLogins({ lockAfter: 1 });
    before.setClockDrift(3600);
    await signIn(before, asUser('bob', 'wrong'));
    const after = await start({ captchaAfter: 1 });
    expect(after.loginProtection).toMatchObject({ captchaAfter: 1, accounts: [{ account: 'bob', failures: 1 }] });
    expect([after.loginProtection.lockAfter, after.clockDrift]).toEqual([undefined, 0]);
  });

  it('keeps the session of a browser on the hosted page', async () => {
    const before = await start();
    const browser = new Browser(before);
    await browser.signIn();
    const { port } = before;
    const after = await start({ port });
    const again = new Browser(after);
    for (const [name, value] of browser.cookies) again.cookies.set(name, value);
    expect(await again.open({ prompt: 'none' })).toMatchObject({ callback: { code: expect.any(String) as string } });
  });

  it('continues with its own state when the same emulator is started again', async () => {
    const emulator = await start();
    const { access_token: token } = await getTokens(emulator);
    await emulator.stop();
    emulator.updateUser('alice', { name: 'Changed' });
    await emulator.start();
    expect(await areActive(emulator, token)).toEqual([true]);
    expect((await getUserInfo(emulator, token)).status).toBe(200);
    const { id_token: idToken } = await getTokens(emulator, asUser('alice', 'passw0rd', { scope: 'openid profile' }));
    expect(await verify(emulator, idToken)).toMatchObject({ payload: { name: 'Changed' } });
  });

  it('listens on the same port again, so that the issuer stays, or on another one if it is in use', async () => {
    const { port } = await start();
    expect((await start()).port).toBe(port);
    await running?.stop();
    const other = await new GenAuthEmulator({ port }).start();
    const elsewhere = await start();
    await other.stop();
    expect(elsewhere.port).not.toBe(port);
    expect((await start({ port })).port).toBe(port);
  });

  it('reads the file again if the first start was refused', async () => {
    const first = await start();
    const second = new GenAuthEmulator({ stateFile: statePath(), port: first.port });
    await expect(second.start()).rejects.toMatchObject({ code: 'address_in_use' });
    const { access_token: token } = await getTokens(first, asUser('bob'));
    first.addUser({ username: 'carol', password: 'c' });
    await first.stop();
    running = await second.start();
    expect(await areActive(second, token)).toEqual([true]);
    expect(await signIn(second, asUser('carol', 'c'))).toMatchObject({ code: 200 });
  });

  it('does not keep faults, queued answers and records', async () => {
    const before = await start();
    before.fault({ endpoint: 'signin', status: 503 });
    before.answerSignIn({ statusCode: 301, apiCode: 1636 });
    await signIn(before);
    const after = await start();
    expect(after.signIns).toEqual([]);
    expect(await signIn(after)).toMatchObject({ code: 200 });
  });
});

describe('the users of a state file', () => {
  const carol = { username: 'carol', password: 'c' };
  const codesOf = async (emulator: GenAuthEmulator, ...names: [name: string, password: string][]) => {
    const codes: number[] = [];
    for (const [name, password] of names) codes.push((await signIn(emulator, asUser(name, password))).code);
    return codes;
  };

  it('keep what was changed, added and removed while the emulator ran', async () => {
    const before = await start();
    before.updateUser('alice', { username: 'alicia', password: 'new', roles: [{ code: 'x' }] });
    before.removeUser('bob');
    before.addUser(carol);
    before.updateAdAccount('zhangsan', { disabled: true });
    before.addAdAccount({ sAMAccountName: 'LiSi', password: 'l' });
    const { sub } = before.addUser({ email: 'Dave@x.example', password: 'd' });
    const after = await start();
    const names = [
      ['alice', 'passw0rd'],
      ['alicia', 'new'],
      ['bob', 'passw0rd'],
      ['carol', 'c'],
    ] as const;
    expect(await codesOf(after, ...names.map(([name, password]): [string, string] => [name, password]))).toEqual([
      2333, 200, 2333, 200,
    ]);
    const codes = [await signIn(after, asAd('zhangsan')), await signIn(after, asAd('LISI', 'l'))].map(
      ({ code }) => code,
    );
    expect(codes).toEqual([2_120_008, 200]);
    expect(() => after.addUser({ email: 'dave@x.example', password: 'd' })).toThrow('already belongs');
    after.removeUser('DAVE@x.example');
    expect(after.addUser({ email: 'dave@x.example', password: 'd' })).toEqual({ sub });
  });

  it('give way to the options where a user was changed, added or removed there', async () => {
    const first = [carol, { username: 'dave', password: 'd' }, { username: 'erin', password: 'e' }];
    const before = await start({ users: first });
    before.updateUser('carol', { disabled: true });
    before.updateUser('dave', { disabled: true });
    before.removeUser('erin');
    before.addUser({ username: 'frank', password: 'f' });
    // The password of dave and a claim of erin have changed, carol is gone, and frank is now in the options.
    const second = [
      { username: 'dave', password: 'new' },
      { username: 'erin', password: 'e', name: 'Erin' },
      { username: 'frank', password: 'own' },
    ];
    const after = await start({ users: second });
    const names: [string, string][] = [
      ['carol', 'c'],
      ['dave', 'new'],
      ['erin', 'e'],
      ['frank', 'own'],
    ];
    expect(await codesOf(after, ...names)).toEqual([2333, 200, 200, 200]);
  });

  it('keep names that they have exchanged', async () => {
    const before = await start();
    before.updateUser('bob', { username: 'bobby' });
    before.updateUser('alice', { username: 'bob', password: 'changed' });
    const after = await start();
    const names: [string, string][] = [
      ['bobby', 'passw0rd'],
      ['bob', 'changed'],
      ['alice', 'passw0rd'],
    ];
    expect(await codesOf(after, ...names)).toEqual([200, 200, 2333]);
  });

  it('are left out if a user of the options now has their name', async () => {
    const before = await start({ users: [carol] });
    before.updateUser('carol', { username: 'eve', email: 'eve@x.example' });
    before.addUser({ username: 'mallory', email: 'm@x.example', password: 'm' });
    const users = [carol, { username: 'eve', password: 'e' }, { username: 'x', email: 'm@x.example', password: 'x' }];
    const names: [string, string][] = [
      ['carol', 'c'],
      ['eve', 'e'],
      ['x', 'x'],
      ['mallory', 'm'],
    ];
    expect(await codesOf(await start({ users }), ...names)).toEqual([200, 200, 200, 2333]);
  });

  it('with the option ad, keep the claims of the directory and no password', async () => {
    const ad = () => ({ claims: { name: 'From the directory' } });
    const before = await start({ ad });
    const token = await getTokens(before, asAd('lisi', 'any', { scope: 'openid profile' }));
    const after = await start({ ad });
    expect((await getUserInfo(after, token.access_token)).body).toMatchObject({ name: 'From the directory' });
    expect(await signIn(await start(), asAd('lisi', 'any'))).toMatchObject({ code: 2333 });
  });
});

describe('the state file', () => {
  it('is for its owner only, holds no password, and is complete after each answer', async () => {
    const password = randomBytes(12).toString('hex');
    const emulator = await start({ users: [{ username: 'carol', password }] });
    const tokens = await Promise.all(Array.from({ length: 20 }, () => getTokens(emulator, asUser('carol', password))));
    const text = await readFile(statePath(), 'utf8');
    expect((JSON.parse(text) as { tokens: unknown[] }).tokens).toHaveLength(tokens.length);
    expect(text).not.toContain(password);
    expect(tokens.filter(({ access_token: token }) => text.includes(token))).toEqual([]);
    expect((await stat(statePath())).mode & 0o777).toBe(0o600);
    expect(await readdir(join(folder, 'deep'))).toEqual(['state.json']);
  });

  it('is not written by requests that change nothing, and is kept behind a symbolic link', async () => {
    const target = join(folder, 'target.json');
    await start({ stateFile: target });
    const stateFile = join(folder, 'link.json');
    await symlink(target, stateFile);
    const emulator = await start({ stateFile });
    const { ino } = await stat(target);
    await getSystem(emulator);
    const before = await stat(target);
    const paths = ['/oidc/.well-known/jwks.json', '/emulator/v1/health', '/emulator/v1/tokens', '/emulator'];
    for (const path of paths) await send(emulator.url + path);
    expect((await stat(target)).ino).toBe(before.ino);
    expect(before.ino).not.toBe(ino);
    expect((await lstat(stateFile)).isSymbolicLink()).toBe(true);
  });

  it('that can no longer be written fails the requests that change something, without its path', async () => {
    const emulator = await start();
    await rm(join(folder, 'deep'), { recursive: true });
    await writeFile(join(folder, 'deep'), '');
    const warned = jest.spyOn(process, 'emitWarning').mockReturnValue();
    const { status, text } = await send(`${emulator.url}/emulator/v1/clock-drift`, asJson({ seconds: 1 }));
    expect([status, text]).toEqual([500, expect.stringContaining('The emulator failed.')]);
    expect((await send(`${emulator.url}/emulator/v1/health`)).status).toBe(200);
    await emulator.stop();
    const texts = warned.mock.calls.map(([warning]) => String(warning));
    warned.mockRestore();
    expect(texts).toEqual(Array(2).fill(expect.stringContaining(`stateFile: ${statePath()} cannot be written`)));
  });

  it.each<[content: string, problem: string]>([
    ['{', 'is not a state of this version of the emulator. Delete the file'],
    ['', 'is not a state of this version'],
    ['[]', 'is not a state of this version'],
    ['{"format":0}', 'is not a state of this version'],
    ['{"format":1,"appId":"genauth-emulator-app","canary":1}', 'is not a state of this version'],
    ['{"format":1,"appId":"other"}', 'belongs to the application "other". Use the appId "other", or another file.'],
  ])('is refused with the content %s', async (content, problem) => {
    await writeFile(join(folder, 'state.json'), content);
    const emulator = new GenAuthEmulator({ stateFile: join(folder, 'state.json') });
    const error: unknown = await emulator.start().catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'EmulatorError', code: 'state_file_unusable' });
    expect(String(error)).toContain(`stateFile: ${join(folder, 'state.json')} ${problem}`);
    expect(String(error)).not.toContain('canary');
    // The file is not overwritten, and the port is free again.
    expect(await readFile(join(folder, 'state.json'), 'utf8')).toBe(content);
    expect(() => emulator.url).toThrow('not started');
  });

  it('that cannot be created leaves an emulator that is not started', async () => {
    // The kernel refuses to create files in this folder, also for root.
    const emulator = new GenAuthEmulator({ stateFile: '/proc/state.json' });
    await expect(emulator.start()).rejects.toMatchObject({ code: 'state_file_unusable' });
    expect(() => emulator.url).toThrow('not started');
  });

  it('is refused if it is a folder, or if its folder is a file', async () => {
    await mkdir(join(folder, 'is-folder'));
    await writeFile(join(folder, 'is-file'), '');
    const paths = ['is-folder', 'is-file/state.json'].map((path) => join(folder, path));
    const start = (stateFile: string) =>
      new GenAuthEmulator({ stateFile }).start().catch((error: Error) => error.message);
    expect(await Promise.all(paths.map(start))).toEqual([
      `stateFile: ${paths[0]} is a folder. Name a file in it, such as ${paths[0]}/state.json.`,
      expect.stringContaining(`stateFile: ${paths[1]} cannot be `),
    ]);
  });
});
