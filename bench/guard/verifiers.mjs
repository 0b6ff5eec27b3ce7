// The peers, each told the same: RS256, this issuer, this audience, an end. Each is loaded by those alone who use it.

/** Makes a bare function of the token, by the name of the library. */
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
    // It fetches by https alone.
    verifier.cacheJwks(jwks);
    return (token) => verifier.verify(token);
  },
  'fast-jwt, cache of 10,000': (settings) => createFastJwt(settings, 10_000),
  'fast-jwt, no cache': (settings) => createFastJwt(settings, false),
};

/** With the key itself, which is its fastest way: it cannot follow a rotation. */
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

/** An Express handler around a bare function. */
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

/** The recipe of Nest's and Auth0's documentation. */
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
