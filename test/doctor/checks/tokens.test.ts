import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { checkLogin } from '../../../src/doctor/checks/sign-in.js';
import { checkTokens } from '../../../src/doctor/checks/tokens.js';
import { accessClaims, answerSignIn, idClaims, makeTokens } from '../../support/canary.js';
import { APP_ID, type Issuer, JWKS_PATH, useIssuer } from '../../support/issuer.js';
import { createRsaKey } from '../../support/rsa-key.js';
import { buildToken } from '../../support/token.js';
import { ALICE, SECRET, expectFindings, useContexts } from '../support.js';

const issuer = useIssuer();
const createContext = useContexts();
const foreign = createRsaKey({ kid: 'foreign' });

async function check(tokens: Partial<ReturnType<typeof makeTokens>>, changes: Partial<GenAuthOptions> = {}) {
  answerSignIn(issuer(), { ...makeTokens(issuer()), ...tokens });
  const context = createContext({ appHost: issuer().url, ...changes }, { signIns: [ALICE] });
  await checkLogin(context);
  return checkTokens(context);
}

const ALGORITHM = 'id_token_algorithm @ id_token signature algorithm';
const ISSUER = 'id_token_issuer @ endpoint information';
const AUDIENCE = 'id_token_audience @ endpoint information';
const [CLOCK, SIGNATURE, KEY, REFUSED] = ['id_token_clock', 'id_token_signature', 'id_token_key', 'id_token_refused'];
const VALID = ['ok id_token', 'ok access_token'];
const HS256 = { idTokenSignedResponseAlg: 'HS256' } as const;
/** An id_token with these claims. */
const claim =
  (changes: object, header: object = {}) =>
  (at: Issuer): string =>
    at.sign({ ...idClaims(at), ...changes }, header);
const time = (offset: number): number => Math.floor(Date.now() / 1000) + offset;
const sign = (alg: string, key: Parameters<typeof buildToken>[2]) => (at: Issuer) =>
  buildToken({ alg, typ: 'JWT', kid: at.key.kid }, idClaims(at), key, alg);

const VALID_ALGS = '"RS256". Choose RS256 on the console page';
type Row = [title: string, sign: (at: Issuer) => string, outline: string | string[], part: string, options?: object];
test.each<Row>([
  ['RS256', claim({}), VALID, 'algorithm (RS256), issuer, '],
  ['HS256', sign('HS256', SECRET), VALID, 'algorithm (HS256), issuer, ', HS256],
  ['an old iat', claim({ iat: time(-600) }), [...VALID, 'clock_ahead'], "s ahead of the id_token's iat."],
  ['the other algorithm', sign('HS256', SECRET), ALGORITHM, `${VALID_ALGS}, or set GENAUTH_ID_TOKEN_ALG=HS256`],
  [
    'an unknown algorithm',
    claim({}, { alg: 'ES256' }),
    ALGORITHM,
    `with "ES256", but the options expect ${VALID_ALGS}.`,
  ],
  ['another issuer', claim({ iss: 'https://x' }), ISSUER, 'expect "http://HOST/oidc". Set GENAUTH_ISSUER=https://x'],
  ['another audience', claim({ aud: 'other' }), AUDIENCE, `for "other" (aud), but this application is "${APP_ID}".`],
  ['an end in the past', claim({ iat: time(-200), exp: time(-100) }), CLOCK, ', the id_token expired 1'],
  ['a beginning in the future', claim({ nbf: time(109) }), CLOCK, 'is not valid yet. It becomes valid in 10'],
  ['the signature of another key', sign('RS256', foreign.privateKey), SIGNATURE, 'why the key in the key set is not'],
  ['another secret', sign('HS256', 'x'.repeat(32)), `${SIGNATURE} @ endpoint information`, 'APP_SECRET=<App', HS256],
  ['an unknown key', claim({}, { kid: 'x' }), KEY, 'is signed with key "x", which the key set does not have.'],
  ['no subject', claim({ sub: undefined }), REFUSED, 'The id_token has an invalid sub: undefined.'],
  ['the hash of another access token', claim({ at_hash: 'x' }), REFUSED, 'belongs to another access token (at_hash).'],
  ['another subject than the access token', claim({ sub: 'x' }), REFUSED, 'belong to different users (sub).'],
  ['no signature', (at) => claim({})(at).replace(/[^.]+$/, ''), REFUSED, 'cannot be used (token_malformed).'],
])('judges an id_token with %s', async (...[, makeIdToken, outline, part, options]) => {
  expectFindings(await check({ idToken: makeIdToken(issuer()) }, options), outline, part);
});

test('explains an id_token without kid if the key set has several keys', async () => {
  issuer().reply(JWKS_PATH, { body: { keys: [issuer().key.jwk, foreign.jwk] } });
  const found = await check({ idToken: claim({}, { kid: undefined })(issuer()) });
  expectFindings(found, KEY, 'does not name its key (kid), and the key set does not have exactly one key.');
});

test('reports an access token that guarded routes refuse', async () => {
  const found = await check({ accessToken: issuer().sign({ ...accessClaims(issuer()), aud: 'other' }) });
  expectFindings(found, ['ok id_token', 'access_token_refused'], '"other"');
});

test('finds nothing without a sign-in', async () => {
  expect(await checkTokens(createContext())).toEqual([]);
});
