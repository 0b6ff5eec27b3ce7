/** Where a secret is kept: it hands out its secrets in turn, the last for ever, and counts. */
export function createVault(...secrets: unknown[]): { source: () => Promise<string>; asked: () => number } {
  let asked = 0;
  const source = async (): Promise<string> => secrets[Math.min(asked++, secrets.length - 1)] as string;
  return { source, asked: () => asked };
}
