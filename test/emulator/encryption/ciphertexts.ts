import { constants, publicEncrypt } from 'node:crypto';
import { sm2 } from 'sm-crypto-v2';
import type { GenAuthEmulator } from '../../../src/emulator/index.js';
import { getSystem } from '../support.js';

export type EncryptType = 'rsa' | 'sm2';

/** Orders of an SM2 ciphertext, by sm-crypto-v2's numbers. */
export const C1C3C2 = 1;
export const C1C2C3 = 0;

/** Encrypts by node:crypto, which the emulator does not decrypt with. */
export async function encryptRsa(
  emulator: GenAuthEmulator,
  password: string | Buffer,
  padding = constants.RSA_PKCS1_PADDING,
): Promise<string> {
  const { publicKey } = (await getSystem(emulator)).rsa;
  return publicEncrypt({ key: publicKey, padding }, Buffer.from(password as string)).toString('base64');
}

/** Encrypts a block of 128 bytes as it is: this is how wrong padding is made. */
export function encryptRsaBlock(
  emulator: GenAuthEmulator,
  ...parts: (readonly number[] | Uint8Array)[]
): Promise<string> {
  const start = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const block = Buffer.concat([start, Buffer.alloc(128 - start.length, 0x41)]);
  return encryptRsa(emulator, block, constants.RSA_NO_PADDING);
}

/** Encrypts by sm-crypto-v2, which the emulator does not decrypt with. */
export async function encryptBySm2(
  emulator: GenAuthEmulator,
  password: string | Uint8Array,
  order = C1C3C2,
): Promise<string> {
  return sm2.doEncrypt(password, (await getSystem(emulator)).sm2.publicKey, order);
}

/** One whose text begins with the digit 0: what is done to that digit may leave the number as it was. */
async function encryptToZero(emulator: GenAuthEmulator): Promise<{ start: string; rest: string }> {
  for (;;) {
    const ciphertext = await encryptBySm2(emulator, 'passw0rd');
    const [start, zero, rest] = [ciphertext.slice(0, 192), ciphertext.charAt(192), ciphertext.slice(193)];
    if (zero === '0') return { start, rest };
  }
}

type Undecryptable = [name: string, make: (emulator: GenAuthEmulator) => string | Promise<string>];

const RSA: readonly Undecryptable[] = [
  ['the password in the clear', () => 'passw0rd'],
  ['nothing', () => ''],
  ['no base64', () => '!'.repeat(172)],
  ['base64url', async (emulator) => `${(await encryptRsa(emulator, 'passw0rd')).slice(0, -4)}-_8=`],
  ['no padding of the base64', async (emulator) => (await encryptRsa(emulator, 'passw0rd')).replaceAll('=', '')],
  ['a line break', async (emulator) => `${await encryptRsa(emulator, 'passw0rd')}\n`],
  ['hex', async (emulator) => Buffer.from(await encryptRsa(emulator, 'passw0rd'), 'base64').toString('hex')],
  [
    'one byte less',
    async (emulator) =>
      Buffer.from(await encryptRsa(emulator, 'passw0rd'), 'base64')
        .subarray(1)
        .toString('base64'),
  ],
  [
    'one byte more',
    async (emulator) =>
      Buffer.concat([Buffer.from(await encryptRsa(emulator, 'p'), 'base64'), Buffer.alloc(1)]).toString('base64'),
  ],
  ['a number above the modulus', () => Buffer.alloc(128, 0xff).toString('base64')],
  ['zero', () => Buffer.alloc(128).toString('base64')],
  ['one', () => Buffer.from([...Array<number>(127).fill(0), 1]).toString('base64')],
  ['a bit flipped', async (emulator) => flip(await encryptRsa(emulator, 'passw0rd'), 'base64')],
  ['OAEP', (emulator) => encryptRsa(emulator, 'passw0rd', constants.RSA_PKCS1_OAEP_PADDING)],
  [
    'padding of a signature',
    (emulator) => encryptRsaBlock(emulator, [0, 1], Buffer.alloc(117, 0xff), [0], Buffer.from('passw0rd')),
  ],
  [
    'padding without a beginning',
    (emulator) => encryptRsaBlock(emulator, [0, 3], Buffer.alloc(117, 9), [0], Buffer.from('passw0rd')),
  ],
  ['padding without an end', (emulator) => encryptRsaBlock(emulator, [0, 2], Buffer.alloc(126, 9))],
  ['padding of 7 bytes', (emulator) => encryptRsaBlock(emulator, [0, 2], Buffer.alloc(7, 9), [0])],
  ['no UTF-8', (emulator) => encryptRsa(emulator, Buffer.from([0xff]))],
  ['the SM2 of the password', (emulator) => encryptBySm2(emulator, 'passw0rd')],
  ['90,000 characters', () => 'A'.repeat(90_000)],
];

const SM2: readonly Undecryptable[] = [
  ['the password in the clear', () => 'passw0rd'],
  ['nothing', () => ''],
  ['the prefix alone', () => 'sm2:'],
  ['the prefix twice', async (emulator) => `sm2:sm2:${await encryptBySm2(emulator, 'passw0rd')}`],
  ['no hex', () => 'g'.repeat(208)],
  ['base64', async (emulator) => Buffer.from(await encryptBySm2(emulator, 'passw0rd'), 'hex').toString('base64')],
  ['an odd number of digits', async (emulator) => `${await encryptBySm2(emulator, 'passw0rd')}0`],
  [
    'a leading zero left out',
    async (emulator) => {
      const { start, rest } = await encryptToZero(emulator);
      return start + rest;
    },
  ],
  [
    'a digit that is none',
    async (emulator) => {
      const { start, rest } = await encryptToZero(emulator);
      return `${start}${rest.charAt(0)}g${rest.slice(1)}`;
    },
  ],
  ['a line break', async (emulator) => `${await encryptBySm2(emulator, 'passw0rd')}\n`],
  ['one byte less', async (emulator) => (await encryptBySm2(emulator, 'passw0rd')).slice(0, -2)],
  ['one byte more', async (emulator) => `${await encryptBySm2(emulator, 'passw0rd')}00`],
  ['a point alone', async (emulator) => (await encryptBySm2(emulator, 'passw0rd')).slice(0, 128)],
  ['a point and a hash, and no text', async (emulator) => (await encryptBySm2(emulator, 'passw0rd')).slice(0, 192)],
  [
    'a point off the curve',
    async (emulator) => `${'1'.repeat(128)}${(await encryptBySm2(emulator, 'passw0rd')).slice(128)}`,
  ],
  [
    'the point at infinity',
    async (emulator) => `${'0'.repeat(128)}${(await encryptBySm2(emulator, 'passw0rd')).slice(128)}`,
  ],
  [
    'another hash',
    async (emulator) => (await encryptBySm2(emulator, 'passw0rd')).replace(/(?<=^.{128}).{64}/, '0'.repeat(64)),
  ],
  ['a bit flipped', async (emulator) => flip(await encryptBySm2(emulator, 'passw0rd'), 'hex')],
  ['04 twice', async (emulator) => `0404${await encryptBySm2(emulator, 'passw0rd')}`],
  ['no UTF-8', (emulator) => encryptBySm2(emulator, Uint8Array.of(0xff))],
  ['no UTF-8, the other order', (emulator) => encryptBySm2(emulator, Uint8Array.of(0xff), C1C2C3)],
  ['the RSA of the password', (emulator) => encryptRsa(emulator, 'passw0rd')],
  ['90,000 digits', () => 'a'.repeat(90_000)],
];

function flip(text: string, encoding: 'hex' | 'base64'): string {
  const bytes = Buffer.from(text, encoding);
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1;
  return bytes.toString(encoding);
}

/** Every kind of text that cannot be decrypted. */
export const UNDECRYPTABLE: Readonly<Record<EncryptType, readonly Undecryptable[]>> = { rsa: RSA, sm2: SM2 };
