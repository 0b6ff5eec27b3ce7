import { randomBytes } from 'node:crypto';
import type { GenAuthClient } from '../../src/core/client.js';
import { useClients } from '../support/client.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { DISCOVERY_PATH, Issuer, JWKS_PATH, useIssuer } from '../support/issuer.js';
import { Gate } from '../support/promise.js';
import { createRsaKey } from '../support/rsa-key.js';
import { buildToken, encodeSegment } from '../support/token.js';

failOnUnhandledRejections();
const NOW = 1_760_000_000_000;
const COOLDOWN = 30_000;
const MAX_AGE = 600_000;
const DAY = 86_400_000;
const issuer = useIssuer();
const openAny = useClients(issuer);
let now = NOW;
beforeEach(() => {
  now = NOW;
});
const open: typeof openAny = (options) => openAny(options, { now: () => now });

/** A right token that ends in three days. */
const rightToken = (claims: object = {}): string =>
  issuer().sign({ ...issuer().accessTokenClaims({ exp: NOW / 1000 + 3 * 86_400 }, NOW), ...claims });
/** A right token but for its key ID, which nobody has. */
const strayToken = (): string => {
  const [, payload, signature] = rightToken().split('.');
  return `${encodeSegment({ alg: 'RS256', kid: randomBytes(16).toString('hex') })}.${payload}.${signature}`;
};
const fetches = (): number => issuer().count(JWKS_PATH);

/** What comes of guarded requests: how often each, by the code of the refusal. */
async function countAnswers(client: GenAuthClient, tokens: readonly string[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  await Promise.all(
    tokens.map(async (token) => {
      const answer = await client.verifyAccessToken(token).then(
        () => 'passes',
        ({ name, code }: { name: string; code: string }) => `${name} ${code}`,
      );
      counts[answer] = (counts[answer] ?? 0) + 1;
    }),
  );
  return counts;
}
const many = (count: number, make: (i: number) => string): string[] => Array.from({ length: count }, (_, i) => make(i));

describe('1,000 random key IDs against a cold process', () => {
  it.each([
    ['at one time', 1000],
    ['ten at a time', 10],
    ['one by one', 1],
  ])('%s: one fetch in each cool-down, and a valid token passes meanwhile', async (_, atOnce) => {
    const client = open();
    const valid = rightToken();
    const stray = strayToken();
    const [, payload, signature] = stray.split('.');
    for (let round = 1; round <= 3; round += 1) {
      for (let sent = 0; sent < 1000; sent += atOnce) {
        const flood = many(
          atOnce,
          (i) => `${encodeSegment({ alg: 'RS256', kid: `${round}-${sent + i}` })}.${payload}.${signature}`,
        );
        const counts = await countAnswers(client, [...flood.slice(0, atOnce / 2), valid, ...flood.slice(atOnce / 2)]);
        expect(counts).toEqual({ passes: 1, 'TokenVerificationError token_key_unknown': atOnce });
      }
      expect(fetches()).toBe(round);
      now += COOLDOWN;
    }
    expect(issuer().count(DISCOVERY_PATH)).toBe(1);
  });

  it('while the key server answers 500: one fetch in each pause, and nobody is told that the token is wrong', async () => {
    issuer().reply(JWKS_PATH, { status: 500 });
    const client = open();
    const tokens = [rightToken(), ...many(1000, strayToken)];
    expect(await countAnswers(client, tokens)).toEqual({ 'UpstreamError upstream_unavailable': 1001 });
    expect(await countAnswers(client, tokens)).toEqual({ 'UpstreamError upstream_unavailable': 1001 });
    expect(fetches()).toBe(1);
    issuer().reset();
    now += 2500;
    expect(await countAnswers(client, tokens)).toEqual({
      passes: 1,
      'TokenVerificationError token_key_unknown': 1000,
    });
    expect(fetches()).toBe(1);
  });
});

it('1,000 concurrent cold requests: one fetch of discovery, one of the keys', async () => {
  const gate = new Gate();
  const body = { keys: [issuer().key.jwk] };
  issuer().reply(JWKS_PATH, () => gate.opened.then(() => ({ body })));
  const client = open();
  const tokens = many(10, (i) => rightToken({ jti: `${i}` }));
  const counting = countAnswers(
    client,
    many(1000, (i) => tokens[i % 10] ?? ''),
  );
  gate.open();
  expect(await counting).toEqual({ passes: 1000 });
  expect([issuer().count(DISCOVERY_PATH), fetches(), issuer().count()]).toEqual([1, 1, 2]);
});

describe('the key server stops', () => {
  it('valid tokens of known keys pass for the stale window, 200 requests cost at most 3 fetches; then 503, never 401', async () => {
    const client = open();
    const tokens = many(20, (i) => rightToken({ jti: `${i}` }));
    const requests = many(200, (i) => tokens[i % 20] ?? '');
    expect(await countAnswers(client, requests)).toEqual({ passes: 200 });
    issuer().reply(JWKS_PATH, { reset: true });
    for (const advance of [MAX_AGE, DAY / 2, DAY / 2 - 1]) {
      now += advance;
      const before = fetches();
      for (const token of requests) expect(await countAnswers(client, [token])).toEqual({ passes: 1 });
      expect(fetches() - before).toBeLessThanOrEqual(3);
      expect(fetches() - before).toBeGreaterThan(0);
    }
    now += 1;
    const before = fetches();
    expect(await countAnswers(client, requests)).toEqual({ 'UpstreamError upstream_unreachable': 200 });
    // Nobody knows whether a key is unknown that cannot be looked for.
    expect(await countAnswers(client, many(200, strayToken))).toEqual({ 'UpstreamError upstream_unreachable': 200 });
    expect(fetches() - before).toBeLessThanOrEqual(3);
    expect(client.status()).toMatchObject({ ready: false, keys: { lastError: 'upstream_unreachable' } });
    issuer().reset();
    now += COOLDOWN * 2;
    expect(await countAnswers(client, requests)).toEqual({ passes: 200 });
    expect(client.status()).toMatchObject({ ready: true, keys: { lastError: undefined } });
  });

  it('for good, with nobody listening any more: the same', async () => {
    const stopping = await Issuer.start();
    const client = open(stopping.clientOptions);
    const claims = stopping.accessTokenClaims({ exp: NOW / 1000 + 3 * 86_400 }, NOW);
    const tokens = many(200, (i) => stopping.sign({ ...claims, jti: `${i % 20}` }));
    await client.warmUp();
    await stopping.close();
    now += MAX_AGE + DAY - 1;
    // Never seen before, most of them: their signature is computed with a key that is a day old.
    expect(await countAnswers(client, tokens)).toEqual({ passes: 200 });
    now += 1;
    expect(await countAnswers(client, tokens)).toEqual({ 'UpstreamError upstream_unreachable': 200 });
  });

  it('a bad token stays a bad token in the stale window', async () => {
    const client = open();
    await client.warmUp();
    issuer().reply(JWKS_PATH, { reset: true });
    now += MAX_AGE;
    const foreign = buildToken(
      { alg: 'RS256', kid: issuer().key.kid },
      issuer().accessTokenClaims({}, now),
      createRsaKey().privateKey,
    );
    expect(await countAnswers(client, [foreign, rightToken({ aud: 'other' })])).toEqual({
      'TokenVerificationError token_signature_invalid': 1,
      'TokenVerificationError token_audience_mismatch': 1,
    });
  });
});

describe('rotation under load', () => {
  it('no valid token is refused, and each new key costs one fetch', async () => {
    const client = open();
    let keys = [issuer().key];
    const publish = (): void => issuer().reply(JWKS_PATH, { body: { keys: keys.map(({ jwk }) => jwk) } });
    const sign = (n: number): string[] =>
      keys.flatMap((key) =>
        many(n, (i) =>
          buildToken(
            { alg: 'RS256', kid: key.kid },
            { ...issuer().accessTokenClaims({}, NOW), jti: `${now}-${i}` },
            key.privateKey,
          ),
        ),
      );
    let live: string[] = [];
    for (let round = 0; round < 5; round += 1) {
      live = [...live, ...sign(5)].slice(-20);
      const load = many(400, (i) => live[(i * 7) % live.length] ?? '');
      expect(await countAnswers(client, load)).toEqual({ passes: 400 });
      expect(fetches()).toBe(round + 1);
      // The new key is in the set beside the last one when its first token comes; the one before that is gone, with its tokens.
      now += COOLDOWN;
      keys = [...keys.slice(-1), createRsaKey()];
      publish();
      live = live.filter((token) => keys.some(({ kid }) => token.startsWith(encodeSegment({ alg: 'RS256', kid }))));
    }
  });

  it('the set gets old in the midst of requests: one fetch, and all pass, old key and new', async () => {
    const client = open();
    const next = createRsaKey();
    const old = many(50, (i) => rightToken({ jti: `${i}` }));
    expect(await countAnswers(client, old)).toEqual({ passes: 50 });
    issuer().reply(JWKS_PATH, { body: { keys: [next.jwk, issuer().key.jwk] } });
    now += MAX_AGE;
    const claims = issuer().accessTokenClaims({}, now);
    const fresh = many(50, (i) =>
      buildToken({ alg: 'RS256', kid: next.kid }, { ...claims, jti: `${i}` }, next.privateKey),
    );
    const mixed = many(1000, (i) => (i % 2 === 0 ? old : fresh)[i % 50] ?? '');
    expect(await countAnswers(client, mixed)).toEqual({ passes: 1000 });
    expect(fetches()).toBe(2);
  });
});
