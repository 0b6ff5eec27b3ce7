import { AppSecret, type AppSecretSource } from '../../../src/core/oidc/app-secret.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { findLeaks } from '../../support/leak.js';
import { Gate, catchError } from '../../support/promise.js';
import { createVault as vault } from '../../support/vault.js';

failOnUnhandledRejections();
const OLD = 'canary-old-secret-0123456789abcdef';
const NEW = 'canary-new-secret-0123456789abcdef';
const UNAVAILABLE = { name: 'ConfigurationError', code: 'app_secret_unavailable', statusCode: 500 };

describe('AppSecret', () => {
  it.each<[string, AppSecretSource | undefined, string | undefined]>([
    ['a text', 'secret', 'secret'],
    ['none', undefined, undefined],
    ['a function', () => 'secret', 'secret'],
    ['an async function', async () => 'secret', 'secret'],
    ['a promise of later', () => new Promise((resolve) => setImmediate(resolve, 'secret')), 'secret'],
    // oxlint-disable-next-line unicorn/no-thenable -- as some vaults' clients answer
    ['a thenable', () => ({ then: (done: (secret: string) => void) => done('secret') }) as Promise<string>, 'secret'],
  ])('%s', async (_name, source, expected) => {
    const secret = new AppSecret(source);
    expect(await secret.get()).toBe(expected);
    expect(await secret.get()).toBe(expected);
  });

  it('a function is asked at the first need and never before, without arguments, and then no more', async () => {
    const calls: unknown[][] = [];
    const secret = new AppSecret((...parts: unknown[]) => {
      calls.push(parts);
      return 'secret';
    });
    expect(calls).toEqual([]);
    for (let i = 0; i < 5; i += 1) expect(await secret.get()).toBe('secret');
    expect(calls).toEqual([[]]);
  });

  it('100 that need it at one time are one question, and so is one failure', async () => {
    const gate = new Gate<string>();
    let asked = 0;
    const secret = new AppSecret(() => {
      asked += 1;
      return gate.opened;
    });
    const all = Promise.all(Array.from({ length: 100 }, () => secret.get()));
    gate.open('secret');
    expect([new Set(await all), asked]).toEqual([new Set(['secret']), 1]);
    const sealed = new AppSecret(() => {
      asked += 1;
      return Promise.reject(new Error('sealed'));
    });
    await Promise.all(Array.from({ length: 100 }, () => catchError(sealed.get())));
    expect(asked).toBe(2);
  });

  const CAUSE = new Error('the vault is sealed');
  it.each<[string, () => unknown, unknown]>([
    [
      'throws',
      () => {
        throw CAUSE;
      },
      CAUSE,
    ],
    ['rejects', () => Promise.reject(CAUSE), CAUSE],
    ['gives nothing', () => undefined, undefined],
  ])('a function that %s: app_secret_unavailable, for a second, and then asked again', async (_, fail, cause) => {
    let [now, asked, broken] = [1_760_000_000_000, 0, true];
    const ask = (): unknown => {
      asked += 1;
      return broken ? fail() : 'secret';
    };
    const secret = new AppSecret(ask as () => string, () => now);
    const error = await catchError(secret.get());
    expect(error).toMatchObject(UNAVAILABLE);
    expect(error.cause).toBe(cause);
    broken = false;
    now += 999;
    expect([await catchError(secret.get()), asked]).toEqual([error, 1]);
    now += 1;
    expect([await secret.get(), asked]).toEqual(['secret', 2]);
    now += 1_000_000;
    expect([await secret.get(), asked]).toEqual(['secret', 2]);
  });

  it('a clock that is set back does not keep a failure for longer', async () => {
    let now = 1_760_000_000_000;
    const { source } = vault(undefined, 'secret');
    const secret = new AppSecret(source, () => now);
    await catchError(secret.get());
    now -= 86_400_000;
    expect(await secret.get()).toBe('secret');
  });

  it('a failure that takes long is kept from its end, not from its beginning', async () => {
    let [now, asked] = [1_760_000_000_000, 0];
    const gate = new Gate();
    const secret = new AppSecret(
      async () => {
        asked += 1;
        await gate.opened;
        return '';
      },
      () => now,
    );
    const first = catchError(secret.get());
    now += 5000;
    gate.open();
    await first;
    now += 999;
    await catchError(secret.get());
    expect(asked).toBe(1);
  });

  const NO_STRING = 'did not return a string: return the secret as a string.';
  const WHITE_SPACE =
    'returned a secret with white space at its start or end (a file often ends with a line break): trim it.';
  it.each<[string, unknown, string]>([
    ['an empty text', '', 'returned an empty string: return the secret.'],
    ['a secret with a line break', `${OLD}\n`, WHITE_SPACE],
    ['a secret with CRLF', `${OLD}\r\n`, WHITE_SPACE],
    ['a secret behind a space', ` ${OLD}`, WHITE_SPACE],
    ['a secret behind a byte order mark', `\uFEFF${OLD}`, WHITE_SPACE],
    ['a space', ' ', WHITE_SPACE],
    ['nothing', undefined, NO_STRING],
    ['null', null, NO_STRING],
    ['a number', 4_207_198_635, NO_STRING],
    ['bytes', Buffer.from(OLD), NO_STRING],
    ['a text object', Object(OLD), NO_STRING],
    ['an object that makes a text', { toString: () => OLD }, NO_STRING],
    ['a list of one', [OLD], NO_STRING],
    ['a function', () => OLD, NO_STRING],
  ])('a function that gives %s: app_secret_unavailable, without the value', async (_name, value, problem) => {
    for (const source of [() => value, async () => value]) {
      const error = await catchError(new AppSecret(source as () => string).get());
      expect(error).toMatchObject(UNAVAILABLE);
      expect(error.message).toBe(`The function appSecret ${problem}`);
      expect(findLeaks(error, [OLD, '4207198635'])).toEqual([]);
    }
  });

  it('renew: another one now, or the same', async () => {
    const rotated = vault(OLD, NEW);
    const secret = new AppSecret(rotated.source);
    await secret.get();
    expect(await secret.renew(OLD)).toBe(true);
    // Somebody who was refused with the old one before: there is another by now, and nobody is asked.
    expect(await secret.renew(OLD)).toBe(true);
    expect([await secret.get(), rotated.asked()]).toEqual([NEW, 2]);
    expect(await secret.renew(NEW)).toBe(false);
    expect(rotated.asked()).toBe(3);
  });

  it('renew: a text, or none, is what it is', async () => {
    expect(await new AppSecret(OLD).renew(OLD)).toBe(false);
    expect(await new AppSecret(undefined).renew(undefined)).toBe(false);
  });

  it('renew: a vault that fails is the error, it is left alone for a second, and what is known is not lost', async () => {
    let now = 1_760_000_000_000;
    const { source, asked } = vault(OLD, undefined, NEW);
    const secret = new AppSecret(source, () => now);
    await secret.get();
    expect(await catchError(secret.renew(OLD))).toMatchObject(UNAVAILABLE);
    expect(await catchError(secret.renew(OLD))).toMatchObject(UNAVAILABLE);
    expect([await secret.get(), asked()]).toEqual([OLD, 2]);
    now += 999;
    expect(await catchError(secret.renew(OLD))).toMatchObject(UNAVAILABLE);
    now += 1;
    expect([await secret.renew(OLD), await secret.get(), asked()]).toEqual([true, NEW, 3]);
  });

  it('renew with minAge: a secret that is younger is not asked for again, and one as old is', async () => {
    let now = 1_760_000_000_000;
    const { source, asked } = vault(OLD, NEW);
    const secret = new AppSecret(source, () => now);
    await secret.get();
    now += 29_999;
    expect([await secret.renew(OLD, 30_000), asked()]).toEqual([false, 1]);
    now += 1;
    expect([await secret.renew(OLD, 30_000), asked()]).toEqual([true, 2]);
    // What was refused is not what is held now: nobody is asked, however old it is.
    expect([await secret.renew(OLD, 30_000), asked()]).toEqual([true, 2]);
    now += 29_999;
    expect([await secret.renew(NEW, 30_000), asked()]).toEqual([false, 2]);
  });

  it('renew at one time by many: one question', async () => {
    const { source, asked } = vault(OLD, NEW);
    const secret = new AppSecret(source);
    await secret.get();
    const renewed = await Promise.all(Array.from({ length: 100 }, () => secret.renew(OLD)));
    expect([new Set(renewed), asked()]).toEqual([new Set([true]), 2]);
  });
});
