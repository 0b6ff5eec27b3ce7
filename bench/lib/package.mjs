import { cpSync, existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const COPY = new URL('../node_modules/.cache/passport-genauth/', import.meta.url);

/**
 * Copies the built package to where it finds the contenders' own copies of Nest, Passport, axios and jose: through the symbolic
 * link that `file:..` makes it would find those of the repository's root, and an application with two copies of Nest does not start.
 *
 * @returns The directory's address; `index.js`, `nest/index.js` and so on are in it.
 */
export function copyPackage() {
  // BENCH_DIST: another build, to measure it against this one.
  const dist = process.env.BENCH_DIST ?? fileURLToPath(new URL('../../dist', import.meta.url));
  if (!existsSync(`${dist}/index.js`))
    throw new Error(`${dist} is not built: run "npm run build" in the repository's root`);
  rmSync(COPY, { recursive: true, force: true });
  cpSync(dist, new URL('dist/', COPY), { recursive: true });
  cpSync(new URL('../../package.json', import.meta.url), new URL('package.json', COPY));
  return new URL('dist/', COPY).href;
}
