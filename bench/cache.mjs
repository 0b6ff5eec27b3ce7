// Measures the cache of verified tokens: the memory of 10,000 tokens, and whether 200,000 different tokens in a row
// leave the memory and the time of a verification as they are.
//
//   npm run build && cd bench && npm install && npm run cache
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { reportGoals } from './lib/goals.mjs';
import { APP_ID, Issuer } from './lib/issuer.mjs';
import { copyPackage } from './lib/package.mjs';
import { readCpuTime } from './lib/processes.mjs';
import { IS_FULL } from './lib/settings.mjs';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');
/** The number of tokens that the cache holds. */
const CACHED = 10_000;
const VERIFICATIONS = IS_FULL ? 200_000 : 20_000;

const { GenAuthClient } = await import(`${copyPackage()}client.js`);
const issuer = await Issuer.start();
const client = new GenAuthClient({
  appId: APP_ID,
  appSecret: 'secret-of-the-bench',
  appHost: issuer.appHost,
  verifiedTokenCache: { maxEntries: CACHED },
});
await client.warmUp();
// Twice as many tokens as the cache holds are verified in turn, so each is removed before it comes again.
const tokens = Array.from({ length: (IS_FULL ? 2 : 1) * CACHED }, (_, i) => issuer.sign(issuer.accessTokenClaims(i)));

/** Returns the size of the heap after a garbage collection, in MB. */
function readHeap() {
  collectGarbage();
  return process.memoryUsage().heapUsed / 1e6;
}

/** Verifies tokens in turn, and returns the processor time of one verification in microseconds. */
async function verify(from, count) {
  const before = readCpuTime();
  for (let i = from; i < from + count; i += 1) await client.verifyAccessToken(tokens[i % tokens.length]);
  return (readCpuTime() - before) / count;
}

await verify(0, 100);
const empty = readHeap();
// A token is cached at its second use.
for (let use = 1; use <= 2; use += 1) await verify(0, CACHED);
const full = readHeap();
const quarter = VERIFICATIONS / 4;
const first = await verify(CACHED, quarter);
const afterFirst = readHeap();
await verify(CACHED + quarter, 2 * quarter);
const last = await verify(CACHED + 3 * quarter, quarter);
const afterLast = readHeap();
console.log(`Heap: ${empty.toFixed(1)} MB, with ${CACHED} tokens ${full.toFixed(1)} MB.`);
console.log(
  `After ${quarter} more tokens: ${afterFirst.toFixed(1)} MB, ${first.toFixed(1)} µs for each. ` +
    `After ${VERIFICATIONS}: ${afterLast.toFixed(1)} MB, ${last.toFixed(1)} µs.`,
);
reportGoals([
  [`MB of ${CACHED} cached tokens`, full - empty, { atMost: 12 }],
  [`MB that the last ${3 * quarter} of ${VERIFICATIONS} different tokens add`, afterLast - afterFirst, { atMost: 1 }],
  ['time of the last quarter / of the first quarter', last / first, { atMost: 1.25 }],
]);
