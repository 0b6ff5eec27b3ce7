import { jest } from '@jest/globals';

/** @returns a function that says how many signatures were computed to verify tokens since it was asked last */
export function useSignatureCount(): () => number {
  const verify = jest.spyOn(crypto.subtle, 'verify');
  beforeEach(() => verify.mockClear());
  afterAll(() => verify.mockRestore());
  return () => {
    const count = verify.mock.calls.length;
    verify.mockClear();
    return count;
  };
}
