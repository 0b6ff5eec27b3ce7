/** Returns the mistakes of a value, each with its path. An empty list means that the value is right. */
export type Schema = (value: unknown, path: string) => string[];

export const is =
  (name: string, test: (value: unknown) => boolean): Schema =>
  (value, path) =>
    test(value) ? [] : [`${path}: ${JSON.stringify(value)} is not ${name}`];

export const text = is('text', (value) => typeof value === 'string');
export const flag = is('flag', (value) => typeof value === 'boolean');
export const whole = is('whole number', (value) => Number.isSafeInteger(value) && Number(value) >= 0);
export const like = (pattern: RegExp): Schema =>
  is(`text like ${String(pattern)}`, (value) => typeof value === 'string' && pattern.test(value));
export const exactly = (expected: unknown): Schema => is(JSON.stringify(expected), (value) => value === expected);
export const oneOf = (...choices: unknown[]): Schema => is(choices.join('|'), (value) => choices.includes(value));

export const orNull =
  (schema: Schema): Schema =>
  (value, path) =>
    value === null ? [] : schema(value, path);

export const either =
  (...schemas: Schema[]): Schema =>
  (value, path) => {
    const mistakes = schemas.map((schema) => schema(value, path));
    return mistakes.some((each) => each.length === 0) ? [] : mistakes.flat();
  };

export const listOf =
  (schema: Schema, least = 0): Schema =>
  (value, path) => {
    if (!Array.isArray(value) || value.length < least)
      return [`${path}: ${JSON.stringify(value)} is not a list of at least ${least}`];
    return value.flatMap((item, i) => schema(item, `${path}[${i}]`));
  };

/** An object with these members and no others. A member whose name ends in `?` is optional. */
export const object =
  (members: Readonly<Record<string, Schema>>): Schema =>
  (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path}: not an object`];
    const known = new Map(Object.entries(members).map(([name, schema]) => [name.replace(/\?$/, ''), schema]));
    const missing = Object.keys(members).filter((name) => !name.endsWith('?') && !Object.hasOwn(value, name));
    return [
      ...missing.map((name) => `${path}.${name}: missing`),
      ...Object.entries(value).flatMap(([name, member]) => {
        const schema = known.get(name);
        return schema ? schema(member, `${path}.${name}`) : [`${path}.${name}: unknown`];
      }),
    ];
  };

/** Any object. */
export const anyObject = is('object', (value) => typeof value === 'object' && value !== null && !Array.isArray(value));

const uuid = like(/^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/);
const jwt = like(/^[\w-]+\.[\w-]+\.[\w-]+$/);
const sub = like(/^[\da-f]{24}$/);
const url = is('URL', (value) => typeof value === 'string' && URL.canParse(value));
const isoTime = like(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
/** A list of scopes. The separator depends on the answer. */
const scopes = like(/^[a-z_]+([ ,][a-z_]+)*$/);

const success = (data: Schema): Schema =>
  object({ statusCode: exactly(200), message: exactly(''), requestId: uuid, data });

/** LoginTokenResponseDataDto. The lifetime has one of two names, or both. */
export const tokens: Schema = (value, path) => [
  ...object({
    scope: scopes,
    token_type: exactly('Bearer'),
    access_token: jwt,
    'id_token?': jwt,
    'refresh_token?': like(/^[\w-]{43}$/),
    'expires_in?': whole,
    'expire_in?': whole,
  })(value, path),
  ...(Object.keys(value as object).some((name) => /^expires?_in$/.test(name)) ? [] : [`${path}: no lifetime`]),
];

/** MfaTriggerData. */
const textsOrNull = (names: string) => Object.fromEntries(names.split(' ').map((name) => [name, orNull(text)]));
const mfa = object({
  mfaToken: jwt,
  ...textsOrNull('nickname email phone mfaPhone mfaEmail username avatar'),
  phoneCountryCode: orNull(like(/^\+\d+$/)),
  mfaPhoneCountryCode: orNull(like(/^\+\d+$/)),
  faceMfaEnabled: flag,
  totpMfaEnabled: flag,
  passkeyEnabled: flag,
  applicationMfa: listOf(object({ mfaPolicy: like(/^[A-Z]+$/), status: oneOf(0, 1), sort: whole })),
});

const failure = (statusCode: number, more: Record<string, Schema> = {}): Schema =>
  object({ statusCode: exactly(statusCode), message: like(/./), requestId: uuid, ...more });
const coded = (statusCode: number, apiCode: number, more: Record<string, Schema> = {}): Schema =>
  failure(statusCode, { apiCode: exactly(apiCode), ...more });
/** An answer that requires a further step contains the code twice. */
const step = (apiCode: number, more: Record<string, Schema> = {}): Schema =>
  coded(301, apiCode, { code: exactly(apiCode), ...more });

/** `statusCode/apiCode` → schema of that answer to a sign-in. */
export const SIGN_IN: Readonly<Record<string, Schema>> = {
  '200': success(tokens),
  '400': failure(400),
  '401': failure(401),
  '403/2000': coded(403, 2000),
  '403/2001': coded(403, 2001),
  '403/2005': coded(403, 2005),
  '403/2333': coded(403, 2333, { 'data?': object({ remainCount: whole }) }),
  '403/2120008': coded(403, 2120008),
  '403/2130010': coded(403, 2130010),
  '409/2026': coded(409, 2026),
  '499/2011': coded(499, 2011),
  '499/2016': coded(499, 2016),
  '301/1635': step(1635, { data: mfa }),
  '301/1636': step(1636, { data: mfa }),
  '301/1639': step(1639, { data: object({ token: jwt }) }),
  '301/2058': step(2058),
};

const signIn: Schema = (body, path) => {
  const { statusCode, apiCode } = body as { statusCode?: number; apiCode?: number };
  const name = [statusCode, apiCode].filter((part) => part !== undefined).join('/');
  return SIGN_IN[name]?.(body, path) ?? [`${path}: there is no answer ${name}`];
};

/** SystemInfoResp. */
const system = object({
  rsa: object({
    publicKey: either(
      like(/^-----BEGIN PUBLIC KEY-----\n[\w+/=\n]+-----END PUBLIC KEY-----\n$/),
      like(/^MI[\w+/]+=*$/),
    ),
  }),
  sm2: object({ publicKey: like(/^04[\da-f]{128}$/) }),
  version: object({ server: text, console: text, login: text }),
  publicIps: listOf(like(/^[\d.]+$/), 1),
});

const signingAlgs = listOf(oneOf('HS256', 'RS256'), 2);
const keyAlg = oneOf('A128KW', 'A256KW', 'ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A256KW', 'RSA-OAEP');
const contentAlg = oneOf('A128CBC-HS256', 'A128GCM', 'A256CBC-HS512', 'A256GCM');
const authMethods = listOf(oneOf('client_secret_post', 'client_secret_basic', 'none'), 3);
const endpoints = 'authorization token userinfo end_session introspection revocation'.split(' ');

/** OidcDiscoveryMetadata. It has no `subject_types_supported`. */
const discovery = object({
  issuer: url,
  jwks_uri: url,
  ...Object.fromEntries(endpoints.map((name) => [`${name}_endpoint`, url])),
  scopes_supported: listOf(like(/^[a-z_]+$/), 14),
  claims_supported: listOf(like(/^[a-z_]+$/), 20),
  claim_types_supported: listOf(exactly('normal'), 1),
  response_types_supported: listOf(like(/^(none|(code|id_token|token)( (id_token|token))*)$/), 8),
  response_modes_supported: listOf(oneOf('query', 'fragment', 'form_post', 'web_message'), 4),
  grant_types_supported: listOf(oneOf('authorization_code', 'refresh_token', 'client_credentials', 'password'), 4),
  code_challenge_methods_supported: listOf(oneOf('plain', 'S256'), 2),
  id_token_signing_alg_values_supported: signingAlgs,
  id_token_encryption_alg_values_supported: listOf(keyAlg, 6),
  id_token_encryption_enc_values_supported: listOf(contentAlg, 4),
  userinfo_signing_alg_values_supported: signingAlgs,
  userinfo_encryption_alg_values_supported: listOf(keyAlg, 6),
  userinfo_encryption_enc_values_supported: listOf(contentAlg, 4),
  token_endpoint_auth_methods_supported: authMethods,
  introspection_endpoint_auth_methods_supported: authMethods,
  revocation_endpoint_auth_methods_supported: authMethods,
});

/** The exact members, so that a private member is a mistake. */
const key = { kty: exactly('RSA'), use: exactly('sig'), alg: exactly('RS256'), e: exactly('AQAB') };
const jwks = object({ keys: listOf(object({ ...key, kid: like(/^[\w-]{43}$/), n: like(/^[\w-]{342}$/) }), 1) });

const part = orNull(text);
/** Scope → all its claims. An unset claim is included too. */
const CLAIMS: Readonly<Record<string, Readonly<Record<string, Schema>>>> = {
  profile: {
    ...textsOrNull('name given_name middle_name family_name nickname preferred_username profile picture website'),
    ...textsOrNull('birthdate zoneinfo locale'),
    gender: oneOf('M', 'F', 'U'),
    updated_at: isoTime,
  },
  username: { username: part },
  email: { email: part, email_verified: flag },
  phone: { phone_number: part, phone_number_verified: flag },
  address: { address: object({ country: part, postal_code: part, region: part, formatted: part }) },
  role: { role: part },
  roles: { roles: listOf(either(text, anyObject)) },
  unionid: { unionid: part },
  external_id: { external_id: part },
  extended_fields: { extended_fields: anyObject },
  tenant_id: { tenant_id: text },
  userpool_id: { userpool_id: part },
};

export const ALL_SCOPES = ['openid', 'offline_access', ...Object.keys(CLAIMS)];

const claimsOf = (granted: readonly string[]): Readonly<Record<string, Schema>> =>
  Object.assign({}, ...granted.map((scope) => CLAIMS[scope] ?? {})) as Record<string, Schema>;
const registered = { sub, aud: text, iss: like(/^http:\/\/127\.0\.0\.1:\d+\/oidc$/), iat: whole, exp: whole };

/** Schemas of the claims in an id_token, in an access token and at user info, for the granted scopes. */
export const idTokenClaims = (granted: readonly string[]): Schema => object({ ...registered, ...claimsOf(granted) });
export const accessTokenClaims = (granted: readonly string[]): Schema =>
  object({
    ...registered,
    scope: scopes,
    jti: like(/^[\w-]{43}$/),
    ...(granted.includes('tenant_id') && { tenant_id: text }),
  });
export const userInfo = (granted: readonly string[]): Schema => object({ sub, ...claimsOf(granted) });

const oauthError = (...errors: string[]): Schema => object({ error: oneOf(...errors), error_description: like(/./) });
const invalidRequest = oauthError('invalid_request');
const invalidClient = oauthError('invalid_client');

/** TokenIntrospectResponse. */
const times = { exp: whole, iat: whole };
const active = { active: exactly(true), sub, client_id: text, iss: url, jti: text, scope: scopes, ...times };
const introspection = either(object({ active: exactly(false) }), object({ ...active, token_type: exactly('Bearer') }));

const page = like(/^<!doctype html>/);
const emptyBody = exactly('');

const describeUserInfo = (method: string): Record<string, Schema> => ({
  [`${method} /oidc/me 200`]: anyObject,
  [`${method} /oidc/me 400`]: invalidRequest,
  [`${method} /oidc/me 401`]: oauthError('invalid_token'),
  [`${method} /oidc/me 403`]: oauthError('insufficient_scope'),
});

/** Method, path and HTTP status → schema of the body: the parsed JSON, or the text of another body. */
export const CONTRACT: Readonly<Record<string, Schema>> = {
  'POST /api/v3/signin 200': signIn,
  'POST /api/v3/signin 501': failure(501),
  'GET /api/v3/system 200': either(system, success(system)),
  'GET /api/v3/get-captcha-code 200': success(
    object({ captchaCodeSvg: like(/^<svg [^]*<\/svg>$/), captchaToken: like(/^[\w-]{22}$/) }),
  ),
  'GET /oidc/.well-known/openid-configuration 200': discovery,
  'GET /oidc/.well-known/jwks.json 200': jwks,
  'GET /{appId}/oidc/.well-known/jwks.json 200': jwks,
  'POST /oidc/token 200': tokens,
  'POST /oidc/token 400': oauthError('invalid_request', 'invalid_grant', 'invalid_scope', 'unsupported_grant_type'),
  'POST /oidc/token 401': invalidClient,
  'POST /oidc/token/introspection 200': introspection,
  'POST /oidc/token/introspection 400': invalidRequest,
  'POST /oidc/token/introspection 401': invalidClient,
  'POST /oidc/token/revocation 200': either(success(object({ success: exactly(true) })), exactly(true), emptyBody),
  'POST /oidc/token/revocation 400': invalidRequest,
  'POST /oidc/token/revocation 401': invalidClient,
  // The claims depend on the scopes. `userInfo` checks them.
  ...describeUserInfo('GET'),
  ...describeUserInfo('POST'),
  'GET /oidc/session/end 200': page,
  'GET /oidc/session/end 302': emptyBody,
  'GET /oidc/session/end 400': invalidRequest,
};
