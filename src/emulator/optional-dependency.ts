import { EmulatorError, type EmulatorErrorCode } from './errors.js';

/** The error code for each optional package that is not installed. */
const MISSING = {
  express: 'express_missing',
  'node-forge': 'node_forge_missing',
  'sm-crypto': 'sm_crypto_missing',
} as const satisfies Record<string, EmulatorErrorCode>;

/**
 * Loads a package that only the emulator needs. The package can be missing after `npm ci --omit=optional`.
 *
 * @param load A function that calls `import()` with a literal package name. `test/layering.test.ts` reads this name
 * from the source code.
 * @throws EmulatorError with the code `express_missing`, `node_forge_missing` or `sm_crypto_missing`. The message
 * contains the command that installs the package.
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
