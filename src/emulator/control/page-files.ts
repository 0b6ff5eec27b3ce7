import { readFile } from 'node:fs/promises';

/** Reads a file of the page. The folder `page` is beside the folder of this module, in `src` and in `dist`. */
export function readPageFile(name: string): Promise<string> {
  return readFile(new URL(`../page/${name}`, import.meta.url), 'utf8');
}
