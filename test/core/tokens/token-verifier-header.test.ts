import { type KeyObject, generateKeyPairSync } from 'node:crypto';
import { APP_ID, useIssuer } from '../../support/issuer.js';
import { createRsaKey } from '../../support/rsa-key.js';
import { useTcpServers } from '../../support/tcp-server.js';
import { KINDS, type Material, VerifierBench, titled } from '../../support/token-verifier.js';

const issuer = useIssuer();
const serve = useTcpServers();
const bench = new VerifierBench(issuer);
const foreign = createRsaKey();
const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
const ed = generateKeyPairSync('ed25519').privateKey;

/** A header as it stands, or what is other than in a right one; `undefined` takes a member out. */
type Header = string | Buffer | Record<string, unknown>;

function forgeHeader({ forge, header }: Material, change: Header): string {
  return forge(typeof change === 'string' || Buffer.isBuffer(change) ? change : { ...header, ...change });
}

const SPELLINGS = 'none|None|NONE|nOnE||rs256|Rs256| RS256|RS256 |RS256\0|RSA256|RS-256|ＲＳ256'.split('|');

const expectNothingAsked = (): void => expect([bench.lookups, bench.sets.fetches()]).toEqual([0, 0]);

describe.each(KINDS)('%s', (kind) => {
  it.each<[string, Header]>([
    ['as GenAuth writes it', {}],
    ['no typ', { typ: undefined }],
    ['typ jwt', { typ: 'jwt' }],
    ['typ application/JWT', { typ: 'application/JWT' }],
    ['no kid, where the set has one key', { kid: undefined }],
    ['members that nobody reads', { x5t: 'a', cty: 'JWT', enc: 'A256GCM', p2c: 1e9, iss: 'evil' }],
  ])('%s: passes with one look-up and one fetch', async (_, change) => {
    const material = bench.material(kind);
    expect(await bench.verify(kind, forgeHeader(material, change))).toEqual(material.payload);
    expect([bench.lookups, bench.sets.fetches()]).toEqual([1, 1]);
  });

  it('white space and a member __proto__ in it: passes', async () => {
    const material = bench.material(kind);
    const header = `{ "__proto__" : {"alg":"none","crit":["a"]}, ${JSON.stringify(material.header, null, 2).slice(1)}\n`;
    expect(await bench.verify(kind, forgeHeader(material, header))).toEqual(material.payload);
    expect(({} as { alg?: unknown }).alg).toBeUndefined();
  });

  describe('a symmetric algorithm: token_algorithm_mismatch before any key is looked up', () => {
    const pem = ({ key }: Material): string => key.publicKey.export({ type: 'spki', format: 'pem' }) as string;
    it.each<[string, (material: Material) => string | Buffer]>([
      ['the public key’s PEM', pem],
      ['the PEM without the last line break', (material) => pem(material).trimEnd()],
      ['the PEM with CRLF', (material) => pem(material).replaceAll('\n', '\r\n')],
      ['the PEM behind a space', (material) => ` ${pem(material)}`],
      ['the PEM’s base64 alone', (material) => pem(material).replaceAll(/-.*-|\n/g, '')],
      ['the PKCS#1 PEM', ({ key }) => key.publicKey.export({ type: 'pkcs1', format: 'pem' })],
      ['the DER', ({ key }) => key.publicKey.export({ type: 'spki', format: 'der' })],
      ['the PKCS#1 DER', ({ key }) => key.publicKey.export({ type: 'pkcs1', format: 'der' })],
      ['the JWK', ({ key }) => JSON.stringify(key.jwk)],
      ['the JWK’s numbers', ({ key: { jwk } }) => JSON.stringify({ kty: 'RSA', n: jwk.n, e: jwk.e })],
      ['the modulus as text', ({ key }) => key.jwk.n],
      ['the modulus', ({ key }) => Buffer.from(key.jwk.n, 'base64url')],
      ['the kid', ({ key }) => key.kid],
      ['the application secret', () => issuer().clientOptions.appSecret],
      ['the application ID', () => APP_ID],
      ['nothing', () => ''],
      ['one zero byte', () => Buffer.alloc(1)],
    ])('HS256 with %s', async (_, secret) => {
      const material = bench.material(kind);
      const { forge, header, payload } = material;
      for (const kid of [header['kid'], undefined, '']) {
        const token = forge({ ...header, alg: 'HS256', kid }, payload, secret(material), 'HS256');
        expect(await bench.refuse(kind, token)).toBe('token_algorithm_mismatch');
      }
      expectNothingAsked();
    });

    it.each(['HS384', 'HS512'])('%s', async (alg) => {
      const { forge, header, payload } = bench.material(kind);
      expect(await bench.refuse(kind, forge({ ...header, alg }, payload, '', alg))).toBe('token_algorithm_mismatch');
      expectNothingAsked();
    });
  });

  it.each<[alg: string, key: (material: Material) => KeyObject]>([
    ['RS384', ({ key }) => key.privateKey],
    ['RS512', ({ key }) => key.privateKey],
    ['PS256', ({ key }) => key.privateKey],
    ['PS384', ({ key }) => key.privateKey],
    ['PS512', ({ key }) => key.privateKey],
    ['ES256', () => ec],
    ['EdDSA', () => ed],
  ])('%s, rightly signed: token_algorithm_mismatch before any key is looked up', async (alg, key) => {
    const material = bench.material(kind);
    const token = material.forge({ ...material.header, alg }, material.payload, key(material), alg);
    expect(await bench.refuse(kind, token)).toBe('token_algorithm_mismatch');
    expectNothingAsked();
  });

  it.each<[string, Header]>([
    ...SPELLINGS.map((alg): [string, Header] => [`alg ${JSON.stringify(alg)}`, { alg }]),
    ['no alg', { alg: undefined }],
    ['alg null', { alg: null }],
    ['alg a number', { alg: 256 }],
    ['alg true', { alg: true }],
    ['alg a list', { alg: ['RS256'] }],
    ['alg an object', { alg: { alg: 'RS256' } }],
    ['alg with an escape sequence', { alg: '\u001B[2J\r\nRS256\u202E' }],
    ['alg of 4,000 characters', { alg: 'RS256'.repeat(800) }],
    ['alg RS256 first and none last', '{"alg":"RS256","alg":"none"}'],
    ['alg RS256 in __proto__ alone', '{"__proto__":{"alg":"RS256"}}'],
    ['a member ALG', { alg: undefined, ALG: 'RS256' }],
    ['nothing', '{}'],
  ])(
    '%s, signed with the right key by RS256: token_algorithm_mismatch before any key is looked up',
    async (_, change) => {
      expect(await bench.refuse(kind, forgeHeader(bench.material(kind), change))).toBe('token_algorithm_mismatch');
      expectNothingAsked();
    },
  );

  it.each(
    titled<Header>([
      ['crit', { crit: ['exp'] }, 'token_malformed'],
      ['crit, empty', { crit: [] }, 'token_malformed'],
      ['crit null', { crit: null }, 'token_malformed'],
      ['b64 false', { b64: false, crit: ['b64'] }, 'token_malformed'],
      ['b64 false without crit', { b64: false }, 'token_malformed'],
      ['b64 true', { b64: true }, 'token_malformed'],
      ['zip', { zip: 'DEF' }, 'token_malformed'],
      ['kid empty', { kid: '' }, 'token_malformed'],
      ['kid null', { kid: null }, 'token_malformed'],
      ['kid a number', { kid: 0 }, 'token_malformed'],
      ['kid a list', { kid: ['a'] }, 'token_malformed'],
      ['kid an object', { kid: {} }, 'token_malformed'],
      ['kid of 257 characters', { kid: 'k'.repeat(257) }, 'token_malformed'],
      ['a list', '[{"alg":"RS256"}]', 'token_malformed'],
      ['null', 'null', 'token_malformed'],
      ['a text', '"RS256"', 'token_malformed'],
      ['no JSON', '{alg:RS256}', 'token_malformed'],
      ['two JSONs', '{"alg":"RS256"}{}', 'token_malformed'],
      ['a byte order mark first', '\uFEFF{"alg":"RS256"}', 'token_malformed'],
      ['no UTF-8', Buffer.from('{"alg":"RS256","x":"\xff"}', 'latin1'), 'token_malformed'],
      ['UTF-16', Buffer.from('{"alg":"RS256"}', 'utf16le'), 'token_malformed'],
      ['crit nested 1,000 deep', `{"alg":"RS256","crit":${'['.repeat(1000)}${']'.repeat(1000)}}`, 'token_malformed'],
      ['typ of a logout token', { typ: 'logout+jwt' }, 'token_type_mismatch'],
      ['typ of a DPoP proof', { typ: 'dpop+jwt' }, 'token_type_mismatch'],
      ['typ of a security event', { typ: 'application/secevent+jwt' }, 'token_type_mismatch'],
      ['typ empty', { typ: '' }, 'token_type_mismatch'],
      ['typ null', { typ: null }, 'token_type_mismatch'],
      ['typ a list', { typ: ['JWT'] }, 'token_type_mismatch'],
      ['typ with a space', { typ: 'JWT ' }, 'token_type_mismatch'],
    ]),
  )('%s, before any key is looked up', async (_, change, code) => {
    expect(await bench.refuse(kind, forgeHeader(bench.material(kind), change))).toBe(code);
    expectNothingAsked();
  });

  it.each<[string, string]>([
    ['that nobody has', 'unknown'],
    ['of 256 characters', 'k'.repeat(256)],
    ['that is a path', '../../../../dev/null'],
    ['that is SQL', "x' UNION SELECT 'k'--"],
    ['that is a command', '|/usr/bin/id'],
    ['__proto__', '__proto__'],
    ['constructor', 'constructor'],
    ['with an escape sequence', '\u001B[2J\r\nadmin\u202E'],
  ])('a kid %s is only a name: token_key_unknown', async (_, kid) => {
    expect(await bench.refuse(kind, forgeHeader(bench.material(kind), { kid }))).toBe('token_key_unknown');
    expect([bench.lookups, bench.sets.fetches()]).toEqual([1, 1]);
  });

  it('kid in another case, or none where the set has two keys: token_key_unknown', async () => {
    bench.sets.publish(issuer().key.jwk, foreign.jwk);
    const material = bench.material(kind);
    expect(await bench.refuse(kind, forgeHeader(material, { kid: material.key.kid.toUpperCase() }))).toBe(
      'token_key_unknown',
    );
    expect(await bench.refuse(kind, forgeHeader(material, { kid: undefined }))).toBe('token_key_unknown');
  });

  it.each(['jku', 'x5u', 'jwk', 'x5c'] as const)(
    'a key that the token brings or points to (%s) is not looked at',
    async (member) => {
      const listener = await serve();
      const { url } = listener;
      const der = foreign.publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
      const brought = { [member]: { jku: url, x5u: url, jwk: foreign.jwk, x5c: [der] }[member] };
      const { forge, header, payload } = bench.material(kind);
      const own = forge({ ...header, ...brought }, payload, foreign.privateKey);
      expect(await bench.refuse(kind, own)).toBe('token_signature_invalid');
      const named = forge({ ...header, ...brought, kid: foreign.kid }, payload, foreign.privateKey);
      expect(await bench.refuse(kind, named)).toBe('token_key_unknown');
      expect(await bench.verify(kind, forge({ ...header, ...brought }))).toEqual(payload);
      expect(listener.connections).toBe(0);
    },
  );
});

it('a token by another algorithm: the error names the option; that for HS256, GenAuth’s default, the console too', async () => {
  const message = async (kind: (typeof KINDS)[number], alg: string): Promise<string> => {
    const { forge, header } = bench.material(kind);
    return bench.verify(kind, forge({ ...header, alg })).then(
      () => '',
      (error: Error) => error.message,
    );
  };
  const byDefault = await message('id_token', 'HS256');
  expect(byDefault).toContain("set the option idTokenSignedResponseAlg: 'HS256'");
  expect(byDefault).toContain('Choose RS256 in the console');
  for (const [kind, alg, option] of [
    ['access_token', 'HS256', 'this service accepts only RS256.'],
    ['id_token', 'ES256', 'this service accepts only RS256.'],
    ['id_token', 'HS512', 'this service accepts only RS256.'],
    ['id_token', 'none', 'this service accepts only RS256.'],
  ] as const) {
    expect(await message(kind, alg)).toContain(option);
    expect(await message(kind, alg)).not.toMatch(/console/);
  }
  // What cannot be set is not proposed.
  expect(await message('id_token', 'HS512')).not.toMatch(/option/);
  expect(await message('id_token', 'none')).not.toMatch(/option/);
});

it.each(['at+jwt', 'application/at+jwt', 'AT+JWT'])('typ %s: an access token, and no id_token', async (typ) => {
  const access = bench.material('access_token');
  expect(await bench.verify('access_token', forgeHeader(access, { typ }))).toEqual(access.payload);
  expect(await bench.refuse('id_token', forgeHeader(bench.material('id_token'), { typ }))).toBe('token_type_mismatch');
});
