/**
 * The entry point `passport-genauth/otel`: traces and metrics of passport-genauth for OpenTelemetry.
 *
 * @module
 */
export { type InstrumentationOptions, instrumentGenAuth } from './instrument-genauth.js';
