import { isUtf8 } from 'node:buffer';
import fc from 'fast-check';
import { createLocalJWKSet, jwtVerify } from 'jose';
import { TokenVerificationError } from '../../../src/core/errors.js';
import { APP_ID, useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { createRsaKey } from '../../support/rsa-key.js';
import { openForge, respell } from '../../support/token-flaw.js';
import { encodeSegment, signBytes } from '../../support/token.js';
import { VerifierBench } from '../../support/token-verifier.js';
import { propertyRuns } from '../../support/property.js';

const OTHER_APP = '65f0c1d2e3a4b5c6d7e8f9ff';
const BOM = '\uFEFF';
const LIFETIME = 366 * 86_400;
const RUNS = propertyRuns(300);
const issuer = useIssuer();
const bench = new VerifierBench(issuer);
const other = createRsaKey();

type Members = Record<string, unknown>;

/** Changes of a valid access token, in the order in which they are applied. */
interface Changes {
  header?: Members | undefined;
  payload?: Members | undefined;
  /** Changes the JSON of the header (0) or of the payload (1). */
  json?: readonly [part: number, edit: (json: string) => string | Buffer] | undefined;
  /** Changes the base64url of a part. The signature (2) is computed after the header and the payload are changed. */
  base64url?: readonly [part: number, edit: (text: string) => string] | undefined;
  /** Replaces a character of the signed token. */
  character?: readonly [position: number, character: string] | undefined;
}

const JSON_EDITS: ((json: string) => string | Buffer)[] = [
  (json) => `${BOM}${json}`,
  (json) => ` ${json}\n`,
  (json) => `${json}x`,
  (json) => `[${json}]`,
  () => 'null',
  (json) => Buffer.from(json.replace('}', ',"x":"\xFF"}'), 'latin1'),
  (json) => Buffer.from(json, 'utf16le'),
  (json) => json.replace('}', ',"iss":"evil","alg":"none"}'),
  (json) => json.replace(/"exp":\d+/, '"exp":1e999'),
  (json) => json.replace('{', `{"x":${'['.repeat(500)}${']'.repeat(500)},`),
];
const BASE64URL_EDITS: ((text: string) => string)[] = [
  respell,
  (text) => `${text}=`,
  (text) => text.replaceAll('-', '+').replaceAll('_', '/'),
  (text) => `${text.slice(0, 9)}\n${text.slice(9)}`,
  (text) => text.slice(0, -1),
  (text) => `${text}A`,
  () => '',
  (text) => `${text}.${text}`,
];

function build({ header, payload, json, base64url, character }: Changes): string {
  const right = openForge(issuer(), bench.sets.now);
  const members = [
    { ...right.header, ...header },
    { ...right.payload, ...payload },
  ];
  const edit = (text: string, part: number): string => (base64url?.[0] === part ? base64url[1](text) : text);
  const input = members
    .map((part) => JSON.stringify(part))
    .map((text, part) => encodeSegment(json?.[0] === part ? json[1](text) : text))
    .map(edit)
    .join('.');
  const signature = signBytes('RS256', input, issuer().key.privateKey).toString('base64url');
  const token = `${input}.${edit(signature, 2)}`;
  if (character === undefined) return token;
  const position = character[0] % token.length;
  return `${token.slice(0, position)}${character[1]}${token.slice(position + 1)}`;
}

interface Decoded extends Record<'header' | 'payload', Members> {
  token: string;
  bytes: Buffer[];
}
const isTime = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value) && value >= 0;
const isText = (value: unknown): boolean => typeof value === 'string' && value !== '';

type Rule = readonly [title: string, example: Changes, refuses: (decoded: Decoded) => boolean];
const rule = (title: string, example: Changes, refuses: Rule[2]): Rule => [title, example, refuses];

/** Rules that jose does not have, each with an example that jose accepts. */
const STRICTER: readonly Rule[] = [
  rule(
    'base64url that is not canonical',
    { base64url: [2, respell] },
    ({ token, bytes }) => bytes.map((part) => part.toString('base64url')).join('.') !== token,
  ),
  rule('more than 8,192 characters', { payload: { x: 'x'.repeat(7000) } }, ({ token }) => token.length > 8192),
  rule('a byte order mark, or bytes that are not UTF-8', { json: [1, (json) => `${BOM}${json}`] }, ({ bytes }) =>
    bytes.slice(0, 2).some((part) => !isUtf8(part) || part.toString().startsWith(BOM)),
  ),
  rule('crit, b64 or zip in the header', { header: { b64: true } }, ({ header }) =>
    ['crit', 'b64', 'zip'].some((name) => name in header),
  ),
  rule(
    'an unknown typ',
    { header: { typ: 'logout+jwt' } },
    ({ header: { typ = 'jwt' } }) => !/^(application\/)?(at\+)?jwt$/i.test(String(typ)) || typeof typ !== 'string',
  ),
  rule(
    'a sub that is not a string of 1 to 255 characters',
    { payload: { sub: 7 } },
    ({ payload: { sub } }) => !isText(sub) || String(sub).length > 255,
  ),
  rule(
    'an audience of another type',
    { payload: { aud: [APP_ID, 7], azp: APP_ID } },
    ({ payload: { aud } }) => ![aud].flat().every(isText),
  ),
  rule(
    'several audiences, or another azp',
    { payload: { azp: OTHER_APP } },
    ({ payload: { aud, azp } }) => (azp !== undefined || [aud].flat().length > 1) && azp !== APP_ID,
  ),
  rule(
    'negative or infinite times',
    { payload: { nbf: -1 } },
    ({ payload: { exp, iat, nbf = 0 } }) => ![exp, iat, nbf].every(isTime),
  ),
  rule(
    'a lifetime of 0, or of more than 366 days',
    { payload: { exp: 1e11 } },
    ({ payload: { exp, iat } }) => Number(exp) <= Number(iat) || Number(exp) - Number(iat) > LIFETIME,
  ),
  rule(
    'a missing scope, or a nonce or at_hash',
    { payload: { nonce: 'n' } },
    ({ payload }) => typeof payload['scope'] !== 'string' || 'nonce' in payload || 'at_hash' in payload,
  ),
];

function decode(token: string): Decoded {
  const bytes = token.split('.').map((part) => Buffer.from(part, 'base64url'));
  const [header, payload] = bytes.map((part) => part.toString().replace(BOM, ''));
  return { token, bytes, header: JSON.parse(header ?? '') as Members, payload: JSON.parse(payload ?? '') as Members };
}

const askJose = (token: string): Promise<boolean> =>
  jwtVerify(token, createLocalJWKSet({ keys: [issuer().key.jwk] }), {
    algorithms: ['RS256'],
    issuer: issuer().issuer,
    audience: APP_ID,
    clockTolerance: 5,
    currentDate: new Date(bench.sets.now),
    requiredClaims: ['iss', 'sub', 'aud', 'exp', 'iat'],
    // Without this option jose accepts an iat in the future.
    maxTokenAge: '367 days',
  }).then(
    () => true,
    () => false,
  );

/** Returns whether the verifier accepts a token. Its error must have the right class and must not contain the token. */
const askVerifier = (token: string): Promise<boolean> =>
  bench.verify('access_token', token).then(
    () => true,
    (error: unknown) => {
      expect(error).toBeInstanceOf(TokenVerificationError);
      expect(
        findLeaks(
          error,
          token.split('.').filter((part) => part.length > 20),
        ),
      ).toEqual([]);
      return false;
    },
  );

it.each(STRICTER)('refuses, unlike jose: %s', async (_title, example) => {
  const token = build(example);
  expect([await askJose(token), await askVerifier(token)]).toEqual([true, false]);
});

it(
  'accepts exactly the changed tokens that jose accepts and no stricter rule refuses',
  async () => {
    const { now } = openForge(issuer(), bench.sets.now);
    const rarely = <Value>(arbitrary: fc.Arbitrary<Value>): fc.Arbitrary<Value | undefined> =>
      fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary });
    const odd = fc.oneof(fc.jsonValue({ maxDepth: 1 }), fc.constantFrom(undefined, null, '', 0, -1, 7, [], {}, true));
    const member = (name: string, ...likely: unknown[]) =>
      fc.tuple(
        fc.constant(name),
        fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...likely) }, { weight: 1, arbitrary: odd }),
      );
    const offsets = [-1e7, -3600, -6, -5, -1, 0, 0.5, 1, 5, 6, 3600, LIFETIME, 4e7];
    const header = fc.oneof(
      member('alg', 'RS256', 'RS512', 'PS256', 'HS256', 'none', 'rs256'),
      member('typ', 'JWT', 'jwt', 'at+jwt', 'application/jwt', 'JOSE'),
      member('kid', issuer().key.kid, undefined, 'unknown', 'k'.repeat(257)),
      ...['crit', 'b64', 'zip', 'jwk', 'x5c', 'jku', '__proto__'].map((name) => member(name, ['b64'], other.jwk)),
    );
    const payload = fc.oneof(
      member('iss', issuer().issuer, [issuer().issuer], `${issuer().issuer}/`),
      member('sub', 's', 's'.repeat(255), 's'.repeat(256)),
      member('aud', [APP_ID], [APP_ID, OTHER_APP], [[APP_ID]], OTHER_APP),
      member('azp', APP_ID, OTHER_APP),
      ...['exp', 'iat', 'nbf'].map((name) => member(name, ...offsets.map((offset) => now + offset))),
      ...['scope', 'jti', 'nonce', 'at_hash', '__proto__', 'x'].map((name) => member(name, 'x', 'x'.repeat(7000))),
    );
    const changes = fc.record({
      header: rarely(header.map((each) => Object.fromEntries([each]))),
      payload: fc.array(payload, { maxLength: 2 }).map((members) => Object.fromEntries(members)),
      json: rarely(fc.tuple(fc.nat({ max: 1 }), fc.constantFrom(...JSON_EDITS))),
      base64url: rarely(fc.tuple(fc.nat({ max: 2 }), fc.constantFrom(...BASE64URL_EDITS))),
      character: rarely(fc.tuple(fc.nat(), fc.constantFrom('A', 'g', '-', '.', ' ', '=', '\0', 'é'))),
    });
    const before = Object.getOwnPropertyNames(Object.prototype);
    const property = fc.asyncProperty(changes, async (each) => {
      const token = build(each);
      const expected = (await askJose(token)) && !STRICTER.some(([, , refuses]) => refuses(decode(token)));
      expect(await askVerifier(token)).toBe(expected);
    });
    await fc.assert(property, RUNS);
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
  },
  30_000 + RUNS.numRuns * 30,
);
