import { readFile } from 'node:fs/promises';

/** The properties of this package's `package.json` that the command-line tools use. */
export interface Manifest {
  version: string;
  engines: { node: string };
  peerDependencies: Readonly<Record<string, string>>;
}

/** Reads this package's `package.json`. */
export async function readManifest(): Promise<Manifest> {
  return JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8')) as Manifest;
}

/** Returns the version of this package. */
export async function readVersion(): Promise<string> {
  return (await readManifest()).version;
}
