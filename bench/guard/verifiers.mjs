// The libraries with which passport-genauth is compared. Each library is configured for the same checks: RS256, the
// issuer, the audience, and that `exp` is present. A library is imported only if it is measured.

/** For each library, a function that creates a verifier. A verifier verifies a token and returns its claims. */
export const VERIFIERS = {
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
    return (token) => verifier.verify(token);
  },
  'fast-jwt, cache of 10,000': (settings) => createFastJwt(settings, 10_000),
  'fast-jwt, no cache': (settings) => createFastJwt(settings, false),
};

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

/** Creates an Express handler from a function that verifies an access token. */
export function toHandler(verify) {
  return async (req, res, next) => {
    try {
      req.user = await verify(readToken(req));
    } catch {
      res.status(401).json({ statusCode: 401 });
      return;
    }
    next();
  };
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
