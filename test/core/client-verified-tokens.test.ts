import { useClients } from '../support/client.js';
import { useIssuer } from '../support/issuer.js';
import { useSignatureCount } from '../support/signature-count.js';
import { LONG_SECRET } from '../support/signing-key.js';
import { buildToken } from '../support/token.js';
import { VerifierBench } from '../support/token-verifier.js';

const issuer = useIssuer();
const bench = new VerifierBench(issuer);
const open = useClients(issuer);
const computed = useSignatureCount();

it('an id_token straight from GenAuth is computed each time, and not frozen', async () => {
  const verifier = bench.verifier({ maxVerifiedTokens: 100 });
  const id = bench.material('id_token').forge();
  await verifier.verifyIdToken(id);
  computed();
  const claims = await verifier.verifyIdToken(id, 'access');
  expect([Object.isFrozen(claims), computed()]).toEqual([false, 1]);
});

it('HS256 is computed each time: a secret has no key set that would say that it was replaced', async () => {
  const client = open({ appSecret: LONG_SECRET, idTokenSignedResponseAlg: 'HS256' });
  const token = buildToken({ alg: 'HS256' }, issuer().idTokenClaims(), LONG_SECRET, 'HS256');
  computed();
  for (let i = 0; i < 3; i += 1) await client.verifyIdToken(token);
  expect(computed()).toBe(3);
});

it.each<[string, object, number]>([
  ['by default', {}, 3],
  ['of one entry', { verifiedTokenCache: { maxEntries: 1 } }, 6],
  ['none', { verifiedTokenCache: false }, 6],
])('a client’s memory %s: %j: three tokens in turn, twice: %i signatures', async (_, options, expected) => {
  const client = open(options);
  const tokens = [1, 2, 3].map((n) => issuer().sign(issuer().accessTokenClaims({ n })));
  for (const token of [...tokens, ...tokens]) await client.verifyAccessToken(token);
  expect(computed()).toBe(expected);
});

it('two clients share no memory: a token of one application is refused by the other', async () => {
  const token = issuer().sign(issuer().accessTokenClaims());
  const [here, there] = [open(), open({ appId: '65f0c1d2e3a4b5c6d7e8f9ff' })];
  await here.verifyAccessToken(token);
  await expect(there.verifyAccessToken(token)).rejects.toMatchObject({ code: 'token_audience_mismatch' });
  expect(computed()).toBe(2);
});
