import { cpSync, existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Each process has a folder of its own, because several benchmarks may run at the same time. */
const COPY = new URL(`../node_modules/.cache/passport-genauth-${process.pid}/`, import.meta.url);

/**
 * Copies the built package into `bench/node_modules`, so that it imports the same copies of Nest, Passport, axios and
 * jose as the contenders. npm installs `file:..` as a symbolic link. Through this link the package would import the
 * copies in the repository's root, and a Nest application with two copies of Nest does not start. The copy is removed
 * when this process exits.
 *
 * @returns The URL of the folder with `index.js`, `nest/index.js` and so on.
 */
export function copyPackage() {
  // The environment variable BENCH_DIST contains the folder of another build, so that two builds can be compared.
  const dist = process.env.BENCH_DIST ?? fileURLToPath(new URL('../../dist', import.meta.url));
  if (!existsSync(`${dist}/index.js`))
    throw new Error(`${dist}/index.js does not exist: run "npm run build" in the root of the repository.`);
  process.once('exit', () => rmSync(COPY, { recursive: true, force: true }));
  cpSync(dist, new URL('dist/', COPY), { recursive: true });
  cpSync(new URL('../../package.json', import.meta.url), new URL('package.json', COPY));
  return new URL('dist/', COPY).href;
}
