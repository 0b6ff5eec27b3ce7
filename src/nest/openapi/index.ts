/**
 * The entry point `passport-genauth/nest/openapi`. It writes the requirements of the guards into an OpenAPI document.
 */
export { type OpenApiDocument, applyGenAuthSecurity } from './openapi.js';
