// Measures the processor time of one verification in one process, without a server. All contenders of a run verify the
// same tokens in turn, so that the other work on the machine affects them alike.
//
//   npm run build && cd bench && npm install && npm run verify
import { VERIFIERS } from './guard/verifiers.mjs';
import { reportGoals } from './lib/goals.mjs';
import { APP_ID, Issuer } from './lib/issuer.mjs';
import { copyPackage } from './lib/package.mjs';
import { IS_FULL } from './lib/settings.mjs';
import { format, summarize } from './lib/statistics.mjs';

const CALLS = IS_FULL ? 10_000 : 500;
const REPEATS = IS_FULL ? 20 : 1;
/** More than twice the size of the cache of "passport-genauth, never seen". */
const TOKENS = IS_FULL ? 5000 : 300;
const SCHEME = 'Bearer ';

const issuer = await Issuer.start();
const settings = {
  jwksUri: issuer.jwksUri,
  issuer: issuer.issuer,
  audience: APP_ID,
  jwks: issuer.jwks,
  pem: issuer.pem,
};
const { GenAuthClient, requireAuth } = await import(`${copyPackage()}index.js`);

/** Creates a verifier from `requireAuth`, so that the whole way from the header to the handler is measured. */
async function createOurs(options) {
  const client = new GenAuthClient({
    appId: APP_ID,
    appSecret: 'secret-of-the-bench',
    appHost: issuer.appHost,
    ...options,
  });
  await client.warmUp();
  const handler = requireAuth(client);
  return (authorization) => {
    const req = { headers: { authorization }, rawHeaders: ['Authorization', authorization] };
    handler(req, undefined, (error) => {
      if (error !== undefined || req.user === undefined) throw new Error('refused');
    });
  };
}

/** The other contenders also get the value of the header, and read the token in the fastest way. */
const fromHeader = (verify) => (authorization) => verify(authorization.slice(SCHEME.length));

const contenders = {
  'requireAuth, one token': { verify: await createOurs({}), isOne: true },
  'requireAuth, distinct tokens': { verify: await createOurs({}) },
  'limit, distinct tokens': { verify: fromHeader(await VERIFIERS.limit(settings)) },
  'fast-jwt, cache of 10,000': { verify: fromHeader(await VERIFIERS['fast-jwt, cache of 10,000'](settings)) },
  'requireAuth, never seen': { verify: await createOurs({ verifiedTokenCache: { maxEntries: 100 } }) },
  'limit, no cache': { verify: fromHeader(await VERIFIERS['limit, no cache'](settings)) },
  'aws-jwt-verify': { verify: fromHeader(await VERIFIERS['aws-jwt-verify'](settings)) },
  'fast-jwt, no cache': { verify: fromHeader(await VERIFIERS['fast-jwt, no cache'](settings)) },
};
// Each call gets a new string, as a request does. A string that was hashed before would be found in a Map faster.
const headers = Array.from({ length: TOKENS }, (_, i) =>
  Buffer.from(`${SCHEME}${issuer.sign(issuer.accessTokenClaims(i))}`),
);
const times = Object.fromEntries(Object.keys(contenders).map((name) => [name, []]));
for (let repeat = 0; repeat <= REPEATS; repeat += 1) {
  for (const [name, { verify, isOne }] of Object.entries(contenders)) {
    const before = process.cpuUsage();
    for (let i = 0; i < CALLS; i += 1) verify(headers[isOne ? 0 : i % TOKENS].latin1Slice());
    const { user, system } = process.cpuUsage(before);
    // The first repeat is the warm-up.
    if (repeat > 0) times[name].push((user + system) / CALLS);
  }
}
const median = (name) => summarize(times[name]).median;
console.log(`Processor time of one verification, median of ${REPEATS} times ${CALLS} calls:`);
console.table(Object.fromEntries(Object.keys(times).map((name) => [name, { µs: median(name).toFixed(1) }])));
/** Compares two contenders within each repeat, so that a slow phase of the machine changes both. */
const compare = (name, other, bound) => {
  const ratio = summarize(times[other].map((time, repeat) => time / times[name][repeat]));
  console.log(`${name} / ${other}: ${format(ratio)}. Median (quartiles) of ${REPEATS} repeats.`);
  return [`${name}: speed / ${other}`, ratio.median, bound];
};
reportGoals([
  compare('requireAuth, never seen', 'limit, no cache', 0.95),
  compare('requireAuth, never seen', 'aws-jwt-verify', 1),
  compare('requireAuth, never seen', 'fast-jwt, no cache', 1),
]);
process.exit();
