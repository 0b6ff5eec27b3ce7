// The libraries with which passport-genauth is compared. Each library is configured for the same checks: RS256, the
// issuer, the audience, and that `exp` is present. A library is imported only if it is measured.
import { createPublicKey, verify } from 'node:crypto';

/**
 * For each library, a function that creates a verifier. A verifier verifies a token and returns its claims, or a
 * promise of its claims. Each library is used in the fastest way that it offers.
 */
export const VERIFIERS = {
  limit: async (settings) => {
    await loadHttpClient();
    return createLimit(settings, 10_000);
  },
  'limit, no cache': async (settings) => {
    await loadHttpClient();
    return createLimit(settings, 0);
  },
  'limit, nothing else loaded': (settings) => createLimit(settings, 10_000),
  jose: async ({ jwksUri, issuer, audience }) => {
    const { createRemoteJWKSet, jwtVerify } = await import('jose');
    const keySet = createRemoteJWKSet(new URL(jwksUri));
    const options = { issuer, audience, algorithms: ['RS256'], requiredClaims: ['exp'] };
    return async (token) => (await jwtVerify(token, keySet, options)).payload;
  },
  'aws-jwt-verify': async ({ jwksUri, jwks, issuer, audience }) => {
    const { JwtRsaVerifier } = await import('aws-jwt-verify');
    const customJwtCheck = ({ header, payload }) => {
      if (header.alg !== 'RS256' || payload.exp === undefined) throw new Error('refused');
    };
    const verifier = JwtRsaVerifier.create({ issuer, audience, jwksUri, customJwtCheck });
    // aws-jwt-verify fetches key sets over `https:` only, so the key set is put into its cache.
    verifier.cacheJwks(jwks);
    return (token) => verifier.verifySync(token);
  },
  'fast-jwt, cache of 10,000': (settings) => createFastJwt(settings, 10_000),
  'fast-jwt, no cache': (settings) => createFastJwt(settings, false),
};

/** Loads the modules with which an application fetches and imports its keys, as passport-genauth does. */
const loadHttpClient = () => Promise.all([import('axios'), import('jose')]);

/**
 * Creates a check that is written by hand, as small as it can be: a signature, the claims, and a cache by token. It
 * does not support a replacement of the key. No guard can be faster and make the same checks.
 */
function createLimit({ pem, issuer, audience }, maxEntries) {
  const key = createPublicKey(pem);
  const cache = new Map();
  const decode = (part) => JSON.parse(Buffer.from(part, 'base64url'));
  const isCurrent = ({ exp }) => exp > Date.now() / 1000;
  const check = (token) => {
    const [header, payload, signature] = token.split('.');
    if (decode(header).alg !== 'RS256') throw new Error('refused');
    const input = Buffer.from(token.slice(0, token.lastIndexOf('.')));
    const isSigned = verify('RSA-SHA256', input, key, Buffer.from(signature, 'base64url'));
    const claims = decode(payload);
    if (!isSigned || claims.iss !== issuer || claims.aud !== audience || !isCurrent(claims)) throw new Error('refused');
    return claims;
  };
  return (token) => {
    const known = cache.get(token);
    if (known !== undefined && isCurrent(known)) return known;
    const claims = check(token);
    if (cache.size < maxEntries) cache.set(token, claims);
    return claims;
  };
}

/**
 * Configures fast-jwt with a fixed key. This is the fastest mode of fast-jwt, but it does not support a replacement of
 * the key.
 */
async function createFastJwt({ pem, issuer, audience }, cache) {
  const { createVerifier } = await import('fast-jwt');
  return createVerifier({
    key: pem,
    cache,
    algorithms: ['RS256'],
    allowedIss: issuer,
    allowedAud: audience,
    requiredClaims: ['exp'],
  });
}

/** Creates an Express handler from a verifier. Without a promise, the handler is synchronous. */
export function toHandler(verifyToken) {
  return (req, res, next) => {
    const accept = (claims) => {
      req.user = claims;
      next();
    };
    const refuse = () => res.status(401).json({ statusCode: 401 });
    let claims;
    try {
      claims = verifyToken(readToken(req));
    } catch {
      return void refuse();
    }
    if (claims instanceof Promise) claims.then(accept, refuse);
    else accept(claims);
  };
}

/** Creates a Passport strategy from a synchronous verifier. */
export function toStrategy(Strategy, verifyToken) {
  return new (class extends Strategy {
    authenticate(req) {
      let claims;
      try {
        claims = verifyToken(readToken(req));
      } catch {
        return this.fail(401);
      }
      this.success(claims);
    }
  })();
}

export function readToken({ headers: { authorization = '' } }) {
  const [scheme, token] = authorization.split(' ');
  return scheme.toLowerCase() === 'bearer' ? token : '';
}

export async function createOauth2JwtBearer({ jwksUri, issuer, audience }) {
  const { auth } = await import('express-oauth2-jwt-bearer');
  return auth({ jwksUri, issuer, audience, tokenSigningAlg: 'RS256' });
}

/** Creates the Passport strategy as the documentation of Nest and Auth0 shows it. */
export async function createPassportJwt({ jwksUri, issuer, audience }) {
  const [{ default: jwksRsa }, { default: passportJwt }] = await Promise.all([
    import('jwks-rsa'),
    import('passport-jwt'),
  ]);
  return new passportJwt.Strategy(
    {
      jwtFromRequest: passportJwt.ExtractJwt.fromAuthHeaderAsBearerToken(),
      secretOrKeyProvider: jwksRsa.passportJwtSecret({
        cache: true,
        rateLimit: true,
        jwksRequestsPerMinute: 5,
        jwksUri,
      }),
      issuer,
      audience,
      algorithms: ['RS256'],
    },
    (payload, done) => done(null, payload.exp === undefined ? false : payload),
  );
}
