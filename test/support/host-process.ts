import { runInThisContext } from 'node:vm';

/**
 * Node's own `process`. Jest gives each test file a copy of it, and this copy emits neither process warnings nor
 * unhandled rejections.
 */
export const hostProcess = runInThisContext('process') as NodeJS.Process;

/** Fails each test of a file during which a rejection stays unhandled. By default it would end the Node process. */
export function failOnUnhandledRejections(): void {
  const reasons: unknown[] = [];
  const listen = (reason: unknown): number => reasons.push(reason);
  beforeAll(() => void hostProcess.on('unhandledRejection', listen));
  afterEach(async () => {
    // Node reports a rejection once the microtasks are done.
    await new Promise((resolve) => setImmediate(resolve));
    expect(reasons.splice(0)).toEqual([]);
  });
  afterAll(() => void hostProcess.off('unhandledRejection', listen));
}

/** The library's warnings, as `CODE: message`, from now until the end of the test file. */
export function listWarnings(): string[] {
  const warnings: string[] = [];
  const listen = (warning: Error & { code?: string }): void => {
    if (warning.name === 'GenAuthWarning') warnings.push(`${warning.code}: ${warning.message}`);
  };
  beforeAll(() => void hostProcess.on('warning', listen));
  afterAll(() => void hostProcess.off('warning', listen));
  return warnings;
}
