import type { TokenVerifier } from '../../../src/core/tokens/token-verifier.js';
import { APP_ID, JWKS_PATH, useIssuer } from '../../support/issuer.js';
import { COOLDOWN, MAX_AGE, STALE_IF_ERROR } from '../../support/key-set.js';
import { createRsaKey } from '../../support/rsa-key.js';
import { useSignatureCount } from '../../support/signature-count.js';
import { buildToken, encodeSegment } from '../../support/token.js';
import { KINDS, type Kind, VerifierBench, describeDecision } from '../../support/token-verifier.js';

const issuer = useIssuer();
const bench = new VerifierBench(issuer);
const other = createRsaKey();

const computed = useSignatureCount();

const remembering = (maxVerifiedTokens = 100): TokenVerifier => bench.verifier({ maxVerifiedTokens });
const run = (verifier: TokenVerifier, kind: Kind, token: unknown): ReturnType<TokenVerifier['verifyIdToken']> =>
  kind === 'id_token' ? verifier.verifyIdToken(token as string) : verifier.verifyAccessToken(token as string);
/** `passes`, or the code of the refusal. */
const ask = (verifier: TokenVerifier, kind: Kind, token: unknown): Promise<string> =>
  run(verifier, kind, token).then(
    () => 'passes',
    (error: { code: string }) => error.code,
  );

describe.each(KINDS)('%s', (kind) => {
  /** A right token, but for these claims. */
  const forge = (claims: object = {}): string => {
    const { forge: make, header, payload } = bench.material(kind);
    return make(header, { ...payload, ...claims });
  };

  it('a token that passed: its signature is not computed again, its key is looked up again', async () => {
    const verifier = remembering();
    const token = forge();
    const first = await run(verifier, kind, token);
    expect([computed(), bench.lookups]).toEqual([1, 1]);
    for (let i = 0; i < 10; i += 1) expect(await run(verifier, kind, token)).toEqual(first);
    expect([computed(), bench.lookups, bench.sets.fetches()]).toEqual([0, 11, 1]);
  });

  it('without a memory it is, each time', async () => {
    const verifier = bench.verifier({ maxVerifiedTokens: 0 });
    const token = forge();
    for (let i = 0; i < 3; i += 1) await run(verifier, kind, token);
    expect(computed()).toBe(3);
  });

  it('a token that was refused is looked at each time: signature, issuer, times', async () => {
    const verifier = remembering();
    const { header, payload, seconds } = bench.material(kind);
    const bad = buildToken(header, payload, other.privateKey);
    const foreign = forge({ iss: 'https://evil.example' });
    const early = forge({ nbf: seconds + 60 });
    for (let i = 0; i < 2; i += 1) {
      expect(await ask(verifier, kind, bad)).toBe('token_signature_invalid');
      expect(await ask(verifier, kind, foreign)).toBe('token_issuer_mismatch');
      expect(await ask(verifier, kind, early)).toBe('token_not_yet_valid');
    }
    expect(computed()).toBe(6);
    bench.sets.now += 60_000;
    expect(await ask(verifier, kind, early)).toBe('passes');
  });

  it('exp is looked at each time, to the millisecond', async () => {
    const verifier = remembering();
    const { seconds } = bench.material(kind);
    const token = forge({ exp: seconds + 60 });
    await run(verifier, kind, token);
    bench.sets.now = (seconds + 65) * 1000 - 1;
    expect(await ask(verifier, kind, token)).toBe('passes');
    bench.sets.now += 1;
    expect(await ask(verifier, kind, token)).toBe('token_expired');
  });

  it.each(['nbf', 'iat'])(
    '%s is looked at each time: the clock is set back, and the token is too young',
    async (name) => {
      const verifier = remembering();
      const { seconds } = bench.material(kind);
      const token = forge({ iat: seconds - 1000, [name]: seconds });
      await run(verifier, kind, token);
      bench.sets.now = (seconds - 5) * 1000;
      expect(await ask(verifier, kind, token)).toBe('passes');
      bench.sets.now -= 1;
      expect(await ask(verifier, kind, token)).toBe('token_not_yet_valid');
      bench.sets.now = seconds * 1000;
      expect(await ask(verifier, kind, token)).toBe('passes');
    },
  );

  it('the key is withdrawn: refused once the key set is too old, and not before', async () => {
    const verifier = remembering();
    const token = forge({ exp: bench.material(kind).seconds + 3600 });
    await run(verifier, kind, token);
    bench.sets.publish(other.jwk);
    bench.sets.now += MAX_AGE - 1;
    expect(await ask(verifier, kind, token)).toBe('passes');
    bench.sets.now += 1;
    for (let i = 0; i < 3; i += 1) expect(await ask(verifier, kind, token)).toBe('token_key_unknown');
    expect(bench.sets.fetches()).toBe(2);
  });

  it('the key is replaced under the same kid: decided anew, by the key that is there now', async () => {
    const verifier = remembering();
    const token = forge();
    await run(verifier, kind, token);
    computed();
    bench.sets.publish({ ...other.jwk, kid: issuer().key.kid });
    bench.sets.now += MAX_AGE;
    for (let i = 0; i < 3; i += 1) expect(await ask(verifier, kind, token)).toBe('token_signature_invalid');
    expect(computed()).toBe(3);
    bench.sets.publish(issuer().key.jwk);
    bench.sets.now += MAX_AGE;
    expect(await ask(verifier, kind, token)).toBe('passes');
    expect(computed()).toBe(1);
  });

  it('the same keys are fetched again: remembered all the same', async () => {
    const verifier = remembering();
    const token = forge();
    await run(verifier, kind, token);
    bench.sets.now += MAX_AGE;
    computed();
    for (let i = 0; i < 3; i += 1) expect(await ask(verifier, kind, token)).toBe('passes');
    expect([computed(), bench.sets.fetches()]).toEqual([0, 2]);
  });

  it('a token that names no key, and a second one comes into the set: refused as one that was never seen', async () => {
    const verifier = remembering();
    const { forge: make, payload } = bench.material(kind);
    const token = make({ alg: 'RS256' }, payload);
    expect(await ask(verifier, kind, token)).toBe('passes');
    expect(await ask(verifier, kind, token)).toBe('passes');
    bench.sets.publish(issuer().key.jwk, other.jwk);
    bench.sets.now += MAX_AGE;
    expect(await ask(verifier, kind, token)).toBe('token_key_unknown');
  });

  it('GenAuth is down: the same answers as without a memory, over the stale window and beyond', async () => {
    const verifier = remembering();
    const plain = bench.verifier({ maxVerifiedTokens: 0 });
    const token = forge({ exp: bench.material(kind).seconds + 3 * 86_400 });
    const both = async (): Promise<string> => {
      const decisions = [await describeDecision(run(verifier, kind, token))];
      decisions.push(await describeDecision(run(plain, kind, token)));
      expect(decisions[0]).toEqual(decisions[1]);
      return ask(verifier, kind, token);
    };
    expect(await both()).toBe('passes');
    issuer().reply(JWKS_PATH, { status: 503 });
    for (const [advance, expected] of [
      [MAX_AGE, 'passes'],
      [STALE_IF_ERROR - 1, 'passes'],
      [1, 'upstream_unavailable'],
      [COOLDOWN * 2, 'upstream_unavailable'],
    ] as const) {
      bench.sets.now += advance;
      expect(await both()).toBe(expected);
    }
    issuer().reset();
    bench.sets.now += COOLDOWN * 2;
    expect(await both()).toBe('passes');
  });

  const respell = (text: string, at: number): string =>
    `${text.slice(0, at)}${text.at(at) === 'A' ? 'B' : 'A'}${at === -1 ? '' : text.slice(at + 1)}`;
  it.each<[string, (token: string) => unknown]>([
    ['another last character', (token) => respell(token, -1)],
    ['another first character', (token) => respell(token, 0)],
    ['another character in the signature', (token) => respell(token, token.lastIndexOf('.') + 1)],
    ['another character in the payload', (token) => respell(token, token.indexOf('.') + 9)],
    ['a character less', (token) => token.slice(0, -1)],
    ['a character more', (token) => `${token}A`],
    ['padding', (token) => `${token}==`],
    ['a space before', (token) => ` ${token}`],
    ['a line break after', (token) => `${token}\n`],
    ['a zero byte after', (token) => `${token}\0`],
    ['the kind before it', (token) => `${kind} ${token}`],
    ['capitals for small letters', (token) => token.toUpperCase()],
    ['half a character pair after it', (token) => `${token}\uD800`],
    ['the signature of another right token', (token) => token.replace(/[^.]*$/, forge({ x: 1 }).split('.')[2] ?? '')],
    [
      'the payload of another right token',
      (token) => token.replace(/\..*\./, `.${encodeSegment({ ...bench.material(kind).payload, sub: 'admin' })}.`),
    ],
    ['no signature', (token) => token.replace(/[^.]*$/, '')],
  ])(
    'a token that was seen, with %s: never taken for it, and refused as by a verifier without memory',
    async (_, bend) => {
      const verifier = remembering();
      const token = forge();
      await run(verifier, kind, token);
      await run(verifier, kind, token);
      const bent = bend(token);
      const decision = await describeDecision(run(verifier, kind, bent));
      expect(decision).toEqual(await describeDecision(run(bench.verifier({ maxVerifiedTokens: 0 }), kind, bent)));
      expect(decision).toMatchObject({ name: 'TokenVerificationError', code: /^token_(malformed|signature_invalid)$/ });
    },
  );

  it.each<[string, (token: string) => unknown]>([
    ['a list with it', (token) => [token]],
    ['an object that says it', (token) => ({ length: 1, toString: () => token })],
  ])('%s in place of a token that was seen: token_missing', async (_, wrap) => {
    const verifier = remembering();
    const token = forge();
    await run(verifier, kind, token);
    const decision = await describeDecision(run(verifier, kind, wrap(token) as string));
    expect(decision).toMatchObject({ code: 'token_missing' });
  });

  it('its claims are frozen to any depth, the first time and from memory, and are nobody’s to change', async () => {
    const verifier = remembering();
    const token = forge({ roles: [{ code: 'user', of: { list: ['a'] } }], aud: [APP_ID], nothing: null });
    for (let i = 0; i < 2; i += 1) {
      const claims = (await run(verifier, kind, token)) as { roles?: { code: string; of: { list: string[] } }[] };
      expect(() => claims.roles?.push({ code: 'admin', of: { list: [] } })).toThrow(TypeError);
      expect(() => claims.roles?.[0]?.of.list.push('b')).toThrow(TypeError);
      expect(() => Object.assign(claims.roles?.[0] ?? {}, { code: 'admin' })).toThrow(TypeError);
      expect(() => Object.assign(claims, { sub: 'admin' })).toThrow(TypeError);
      expect(claims).toMatchObject({ roles: [{ code: 'user', of: { list: ['a'] } }], aud: [APP_ID] });
    }
    const plain = await run(bench.verifier({ maxVerifiedTokens: 0 }), kind, token);
    expect([Object.isFrozen(plain), Object.isFrozen(plain['roles'])]).toEqual([true, true]);
  });

  it('100 requests with one new token at one time all pass', async () => {
    const verifier = remembering();
    const token = forge();
    const all = await Promise.all(Array.from({ length: 100 }, () => ask(verifier, kind, token)));
    expect([new Set(all), bench.sets.fetches()]).toEqual([new Set(['passes']), 1]);
    computed();
    expect([await ask(verifier, kind, token), computed()]).toEqual(['passes', 0]);
  });

  it('two tokens of one person in turn keep their own claims', async () => {
    const verifier = remembering();
    const tokens = [forge({ n: 1 }), forge({ n: 2 })];
    for (let i = 0; i < 6; i += 1) {
      expect(await run(verifier, kind, tokens[i % 2])).toMatchObject({ n: (i % 2) + 1 });
    }
    expect(computed()).toBe(2);
  });

  it('the memory is bounded: what was not used for the longest time goes first', async () => {
    const verifier = remembering(2);
    const [a, b, c] = [1, 2, 3].map((n) => forge({ n })) as [string, string, string];
    for (const token of [a, b, a, c]) await run(verifier, kind, token);
    expect(computed()).toBe(3);
    for (const token of [a, c]) await run(verifier, kind, token);
    expect(computed()).toBe(0);
    await run(verifier, kind, b);
    expect(computed()).toBe(1);
  });
});

describe('the two kinds never mix', () => {
  it('an access token that passed is no id_token, and the other way round', async () => {
    const verifier = remembering();
    const [id, access] = KINDS.map((kind) => bench.material(kind).forge());
    for (let i = 0; i < 2; i += 1) {
      expect(await ask(verifier, 'id_token', id)).toBe('passes');
      expect(await ask(verifier, 'access_token', id)).toBe('token_type_mismatch');
      expect(await ask(verifier, 'access_token', access)).toBe('passes');
      expect(await ask(verifier, 'id_token', access)).toBe('token_type_mismatch');
    }
  });

  it('typ at+jwt, the one difference: an access token that passed twice is still no id_token', async () => {
    const verifier = remembering();
    const { forge, header, payload } = bench.material('access_token');
    const token = forge({ ...header, typ: 'at+jwt' }, { ...payload, jti: undefined });
    expect(await ask(verifier, 'access_token', token)).toBe('passes');
    expect(await ask(verifier, 'access_token', token)).toBe('passes');
    expect(await ask(verifier, 'id_token', token)).toBe('token_type_mismatch');
  });

  it('a token that is right as both is computed for each kind', async () => {
    const verifier = remembering();
    const { forge, header, payload } = bench.material('access_token');
    const token = forge(header, { ...payload, jti: undefined });
    for (const kind of [...KINDS, ...KINDS]) expect(await ask(verifier, kind, token)).toBe('passes');
    expect(computed()).toBe(2);
  });

  it('the audience of each kind is its own, from memory too', async () => {
    const verifier = bench.verifier({ maxVerifiedTokens: 100, audience: ['https://api.example'] });
    const { forge, header, payload } = bench.material('access_token');
    const token = forge(header, { ...payload, jti: undefined, aud: 'https://api.example' });
    expect(await ask(verifier, 'access_token', token)).toBe('passes');
    expect(await ask(verifier, 'id_token', token)).toBe('token_audience_mismatch');
  });
});
