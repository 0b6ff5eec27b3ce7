import { createHmac, generateKeyPairSync, sign } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

export const APP_ID = '65f0c1d2e3a4b5c6d7e8f901';
const LIFETIME = 3600;

const encode = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

function buildToken(header, payload, toSignature) {
  const input = `${encode(header)}.${encode(payload)}`;
  return `${input}.${toSignature(Buffer.from(input)).toString('base64url')}`;
}

/** Signs tokens as GenAuth does, and serves the key set. It uses no code of passport-genauth, which is measured. */
export class Issuer {
  #privateKey;
  #kid = 'key-of-the-bench';

  static async start() {
    const issuer = new Issuer();
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    issuer.#privateKey = privateKey;
    issuer.pem = publicKey.export({ type: 'spki', format: 'pem' });
    issuer.jwks = { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: issuer.#kid, alg: 'RS256', use: 'sig' }] };
    const documents = {
      '/oidc/.well-known/openid-configuration': () => ({ issuer: issuer.issuer, jwks_uri: issuer.jwksUri }),
      '/oidc/.well-known/jwks.json': () => issuer.jwks,
    };
    const server = createServer((request, response) => {
      const document = documents[request.url];
      response.writeHead(document === undefined ? 404 : 200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(document?.() ?? {}));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    server.unref();
    issuer.setOrigin(`http://127.0.0.1:${server.address().port}`);
    return issuer;
  }

  /** Sets the origin from which the issuer and the address of the key set are built. */
  setOrigin(origin) {
    this.appHost = origin;
    this.issuer = `${origin}/oidc`;
    this.jwksUri = `${origin}/oidc/.well-known/jwks.json`;
  }

  /** Builds the claims of an access token, with the names that GenAuth uses. */
  accessTokenClaims(number = 0) {
    const iat = Math.floor(Date.now() / 1000);
    const sub = `65f0c1d2e3a4b5c6d7e8${String(number).padStart(4, '0')}`;
    const scope = 'openid profile email phone roles offline_access';
    const jti = `${sub}-${number}-jti-of-the-bench`;
    return { jti, sub, aud: APP_ID, scope, iat, exp: iat + LIFETIME, iss: this.issuer };
  }

  /** Builds the claims of an id_token for the scopes that the sample application requests. */
  idTokenClaims(number = 0) {
    const { sub, aud, iat, exp, iss } = this.accessTokenClaims(number);
    const profile = {
      name: `User ${number}`,
      nickname: null,
      picture: 'https://files.example.com/photo.png',
      gender: 'U',
    };
    const contact = { email: `user-${number}@example.com`, email_verified: true, username: `user-${number}` };
    return { ...profile, ...contact, roles: [{ code: 'admin', namespace: 'default' }], sub, aud, iat, exp, iss };
  }

  sign(claims, header = {}) {
    const complete = { alg: 'RS256', typ: 'JWT', kid: this.#kid, ...header };
    return buildToken(complete, claims, (input) => sign('sha256', input, this.#privateKey));
  }

  /** Builds the tokens that every guard must refuse. The key of each token describes its mistake. */
  badTokens() {
    const claims = this.accessTokenClaims();
    const { exp: _, ...endless } = claims;
    const good = this.sign(claims);
    const [header, , signature] = good.split('.');
    const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const head = { typ: 'JWT', kid: this.#kid };
    return {
      expired: this.sign({ ...claims, iat: claims.iat - 7200, exp: claims.iat - 3600 }),
      'for another application': this.sign({ ...claims, aud: 'another-application' }),
      'from another issuer': this.sign({ ...claims, iss: 'https://another.example.com/oidc' }),
      'tampered with': `${header}.${encode({ ...claims, sub: 'another-user' })}.${signature}`,
      'not signed (alg none)': buildToken({ ...head, alg: 'none' }, claims, () => Buffer.alloc(0)),
      'HS256 with the public key': buildToken({ ...head, alg: 'HS256' }, claims, (input) =>
        createHmac('sha256', this.pem).update(input).digest(),
      ),
      'of an unknown key': buildToken({ ...head, alg: 'RS256', kid: 'unknown' }, claims, (input) =>
        sign('sha256', input, stranger),
      ),
      'without an end': this.sign(endless),
      garbage: 'garbage',
    };
  }
}
