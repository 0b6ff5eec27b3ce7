/** `passport-genauth/nest/openapi`: writes what the guards require into an OpenAPI document. */
export { type OpenApiDocument, applyGenAuthSecurity } from './openapi.js';
