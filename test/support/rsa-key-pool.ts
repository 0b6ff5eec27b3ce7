import { generateKeyPair } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/** The file with the keys. Each run of the tests overwrites it. */
export const POOL_FILE = fileURLToPath(new URL('../.tmp/rsa-keys.json', import.meta.url));
const POOL_SIZE = 3;

/**
 * Jest calls this function once before all test files. Without these keys, each test file would generate its own, and
 * the generation of an RSA-2048 key needs about 130 ms of processor time.
 */
export default async function makeKeys(): Promise<void> {
  const privateKeyEncoding = { type: 'pkcs8', format: 'pem' } as const;
  const publicKeyEncoding = { type: 'spki', format: 'pem' } as const;
  const options = { modulusLength: 2048, privateKeyEncoding, publicKeyEncoding };
  const pairs = await Promise.all(Array.from({ length: POOL_SIZE }, () => promisify(generateKeyPair)('rsa', options)));
  mkdirSync(dirname(POOL_FILE), { recursive: true });
  writeFileSync(POOL_FILE, JSON.stringify(pairs.map(({ privateKey }) => privateKey)), { mode: 0o600 });
}
