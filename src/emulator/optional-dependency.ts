import { EmulatorError, type EmulatorErrorCode } from './errors.js';

/** Package → the error's code. */
const MISSING = {
  express: 'express_missing',
  'node-forge': 'node_forge_missing',
  'sm-crypto': 'sm_crypto_missing',
} as const satisfies Record<string, EmulatorErrorCode>;

/**
 * Loads a package that only the emulator needs, and that an installation may therefore lack (`npm ci --omit=optional`).
 *
 * @param load the literal `import()`, which the test of who may import whom reads
 * @throws EmulatorError `express_missing`, `node_forge_missing`, `sm_crypto_missing`: what to install
 */
export async function importOptional<Module>(
  name: keyof typeof MISSING,
  load: () => Promise<{ default: Module }>,
): Promise<Module> {
  try {
    return (await load()).default;
  } catch (cause) {
    const message = `The GenAuth emulator needs the package ${name} for this: npm install ${name}`;
    throw new EmulatorError(MISSING[name], message, { cause });
  }
}
