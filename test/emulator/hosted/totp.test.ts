import { computeTotp, encodeBase32, isTotp } from '../../../src/emulator/hosted/totp.js';
import type { Account } from '../../../src/emulator/users/user-store.js';
import { catchThrown } from '../../support/thrown.js';
import { asJson, invalidInput, send, useEmulator } from '../support.js';

const emulator = useEmulator();

/** The test values of RFC 6238, appendix B, with six digits. */
it.each([
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [20_000_000_000, '353130'],
])('computes the code of RFC 6238 at the second %i', (seconds, code) => {
  expect(computeTotp(Buffer.from('12345678901234567890'), seconds)).toBe(code);
});

it('accepts the code of one time step before and after', () => {
  const account = { totpSecret: Buffer.from('12345678901234567890') } as Account;
  const seconds = [1_111_111_080, 1_111_111_109, 1_111_111_110, 1_111_111_139, 1_111_111_140, 1_111_111_049];
  const accepted = seconds.map((now) => isTotp(account, '081804', now));
  expect(accepted).toEqual([true, true, true, true, false, false]);
});

it('encodes the values of RFC 4648 in base32', () => {
  const texts = ['', 'f', 'fo', 'foo', 'foob', 'fooba', 'foobar'];
  const encoded = ['', 'MY', 'MZXQ', 'MZXW6', 'MZXW6YQ', 'MZXW6YTB', 'MZXW6YTBOI'];
  expect(texts.map((text) => encodeBase32(Buffer.from(text)))).toEqual(encoded);
});

it('an account keeps its secret under each name, in process and over HTTP', async () => {
  const { secret, code } = emulator().totp('alice');
  expect([secret, code]).toEqual([expect.stringMatching(/^[A-Z2-7]{32}$/), expect.stringMatching(/^\d{6}$/)]);
  const path = `${emulator().url}/emulator/v1/totp`;
  const { status, body } = await send(path, asJson({ account: 'alice@example.com' }));
  expect([status, body['secret']]).toEqual([200, secret]);
  expect([emulator().totp('bob').secret, emulator().totp('ZhangSan').secret]).not.toContain(secret);
  expect(await send(path, asJson({ account: 'x' }))).toMatchObject({ status: 400 });
  expect(catchThrown(() => emulator().totp('unknown'))).toEqual(invalidInput('account: expected'));
});

it('the list of users does not contain the secret', async () => {
  const { secret } = emulator().totp('alice');
  const { text } = await send(`${emulator().url}/emulator/v1/users`);
  expect([text.includes('alice'), text.includes(secret), text.includes('totp')]).toEqual([true, false, false]);
});
