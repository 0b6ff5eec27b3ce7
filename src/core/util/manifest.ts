import { readFile } from 'node:fs/promises';

/** What of this package's `package.json` the commands use. */
export interface Manifest {
  version: string;
  engines: { node: string };
  peerDependencies: Readonly<Record<string, string>>;
}

export async function readManifest(): Promise<Manifest> {
  return JSON.parse(await readFile(new URL('../../../package.json', import.meta.url), 'utf8')) as Manifest;
}

/** The version of this package. */
export async function readVersion(): Promise<string> {
  return (await readManifest()).version;
}
