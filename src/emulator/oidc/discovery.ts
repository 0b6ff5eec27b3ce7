import { buildAppPath, PATHS, TOKEN_ENDPOINT_AUTH_METHODS } from '../../core/wire/facts.js';
import { CLAIMS_SUPPORTED, SCOPES_SUPPORTED } from '../users/claims.js';
import type { Operation } from '../http/operation.js';
import type { EmulatorState } from '../state/state.js';

const SIGNING_ALGORITHMS = ['HS256', 'RS256'];
const KEY_ENCRYPTION_ALGORITHMS = ['A128KW', 'A256KW', 'ECDH-ES', 'ECDH-ES+A128KW', 'ECDH-ES+A256KW', 'RSA-OAEP'];
const CONTENT_ENCRYPTION_ALGORITHMS = ['A128CBC-HS256', 'A128GCM', 'A256CBC-HS512', 'A256GCM'];

/**
 * Answers `GET /oidc/.well-known/openid-configuration` (OpenID Connect Discovery 1.0 §4). The response has the values
 * of GenAuth's production discovery document. So it names response types, response modes and grant types that the
 * emulator does not implement. The emulator implements `response_type=code` with `response_mode=query`, and the grant
 * types `authorization_code` and `refresh_token`. As in GenAuth's discovery document, `subject_types_supported` is
 * absent.
 */
export const getDiscovery: Operation<EmulatorState> = ({ config, issuer, url }) => ({
  status: 200,
  body: {
    issuer,
    authorization_endpoint: `${issuer}/auth`,
    token_endpoint: `${issuer}/token`,
    userinfo_endpoint: `${issuer}/me`,
    jwks_uri: `${url}${config.jwksAddress === 'app' ? buildAppPath(config.appId, PATHS.jwks) : PATHS.jwks}`,
    end_session_endpoint: `${issuer}/session/end`,
    introspection_endpoint: `${issuer}/token/introspection`,
    revocation_endpoint: `${issuer}/token/revocation`,
    scopes_supported: SCOPES_SUPPORTED,
    claims_supported: CLAIMS_SUPPORTED,
    claim_types_supported: ['normal'],
    response_types_supported: [
      'none',
      'code',
      'token',
      'id_token token',
      'id_token',
      'code token',
      'code id_token token',
      'code id_token',
    ],
    response_modes_supported: ['query', 'fragment', 'form_post', 'web_message'],
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials', 'password'],
    code_challenge_methods_supported: ['plain', 'S256'],
    id_token_signing_alg_values_supported: SIGNING_ALGORITHMS,
    id_token_encryption_alg_values_supported: KEY_ENCRYPTION_ALGORITHMS,
    id_token_encryption_enc_values_supported: CONTENT_ENCRYPTION_ALGORITHMS,
    userinfo_signing_alg_values_supported: SIGNING_ALGORITHMS,
    userinfo_encryption_alg_values_supported: KEY_ENCRYPTION_ALGORITHMS,
    userinfo_encryption_enc_values_supported: CONTENT_ENCRYPTION_ALGORITHMS,
    token_endpoint_auth_methods_supported: TOKEN_ENDPOINT_AUTH_METHODS,
    introspection_endpoint_auth_methods_supported: TOKEN_ENDPOINT_AUTH_METHODS,
    revocation_endpoint_auth_methods_supported: TOKEN_ENDPOINT_AUTH_METHODS,
  },
});

/** Answers `GET` requests for the key set (RFC 7517 §5). The option `jwksAddress` selects the paths of the key set. */
export const getJwks: Operation<EmulatorState> = ({ keys }) => ({ status: 200, body: keys.jwks });
