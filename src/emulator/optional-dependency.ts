import { EmulatorError, type EmulatorErrorCode } from './errors.js';

/** Optional package → error code if it is not installed. */
const MISSING = {
  express: 'express_missing',
  'node-forge': 'node_forge_missing',
  'sm-crypto': 'sm_crypto_missing',
} as const satisfies Record<string, EmulatorErrorCode>;

/**
 * Loads a package that only the emulator needs. It may be missing after `npm ci --omit=optional`.
 *
 * @param load Calls `import()` with a literal package name, because `test/layering.test.ts` reads the name from the
 *   source.
 * @throws EmulatorError `express_missing`, `node_forge_missing` or `sm_crypto_missing`. The message contains the
 *   command that installs the package.
 */
export async function importOptional<Module>(
  name: keyof typeof MISSING,
  load: () => Promise<{ default: Module }>,
): Promise<Module> {
  try {
    return (await load()).default;
  } catch (cause) {
    const message = `The GenAuth emulator requires the package ${name}. Install it: npm install ${name}`;
    throw new EmulatorError(MISSING[name], message, { cause });
  }
}
