import { EmulatorError, type EmulatorErrorCode } from './errors.js';

/** Package → the error's code, and what to install. */
const MISSING = {
  express: ['express_missing', 'express'],
  'node-forge': ['node_forge_missing', 'node-forge'],
  'sm-crypto': ['sm_crypto_missing', 'sm-crypto'],
  // The newest one needs a newer Node than this package does.
  ldapts: ['ldapts_missing', 'ldapts@8'],
} as const satisfies Record<string, readonly [EmulatorErrorCode, string]>;

/**
 * Loads a package that only the emulator needs, and that an installation may therefore lack (`npm ci --omit=optional`).
 *
 * @param load the literal `import()`, which the test of who may import whom reads
 * @throws EmulatorError `express_missing`, `node_forge_missing`, `sm_crypto_missing`, `ldapts_missing`: what to install
 */
export async function importOptional<Module>(
  name: keyof typeof MISSING,
  load: () => Promise<{ default: Module }>,
): Promise<Module> {
  try {
    return (await load()).default;
  } catch (cause) {
    const [code, wanted] = MISSING[name];
    const message = `The GenAuth emulator needs the package ${name} for this: npm install ${wanted}`;
    throw new EmulatorError(code, message, { cause });
  }
}
