import type * as Forge from 'node-forge';
import { EmulatorError, type EmulatorErrorCode } from './errors.js';

// The package can be installed without these packages (`npm ci --omit=optional`). Each `import()` stands directly in a
// `try` block, because esbuild and webpack then build an application in which the package is missing.

/**
 * Loads Express, which serves the endpoints of the emulator.
 *
 * @internal
 */
export async function importExpress(): Promise<typeof import('express')> {
  try {
    return (await import('express')).default;
  } catch (cause) {
    throw buildMissingError('express_missing', 'express', cause);
  }
}

/**
 * Loads node-forge, which decrypts RSA passwords and signs certificates.
 *
 * @internal
 */
export async function importNodeForge(): Promise<typeof Forge> {
  try {
    return (await import('node-forge')).default;
  } catch (cause) {
    throw buildMissingError('node_forge_missing', 'node-forge', cause);
  }
}

/**
 * Loads sm-crypto, which decrypts SM2 passwords.
 *
 * @internal
 */
export async function importSmCrypto(): Promise<typeof import('sm-crypto')> {
  try {
    return (await import('sm-crypto')).default;
  } catch (cause) {
    throw buildMissingError('sm_crypto_missing', 'sm-crypto', cause);
  }
}

function buildMissingError(code: EmulatorErrorCode, name: string, cause: unknown): EmulatorError {
  const message = `The GenAuth emulator requires the package ${name}. Install it: npm install ${name}`;
  return new EmulatorError(code, message, { cause });
}
