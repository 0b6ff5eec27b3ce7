import crypto from 'node:crypto';
import { jest } from '@jest/globals';

/** @returns a function that says how many signatures were computed to verify tokens since it was asked last */
export function useSignatureCount(): () => number {
  const spies = [jest.spyOn(crypto, 'createVerify'), jest.spyOn(crypto, 'createHmac')];
  const clear = (): void => spies.forEach((spy) => spy.mockClear());
  beforeEach(clear);
  afterAll(() => spies.forEach((spy) => spy.mockRestore()));
  return () => {
    const count = spies.reduce((sum, spy) => sum + spy.mock.calls.length, 0);
    clear();
    return count;
  };
}
