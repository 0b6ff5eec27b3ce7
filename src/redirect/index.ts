/**
 * Sign-in on GenAuth's hosted page. The page can complete every further step of a sign-in: a second factor, a new
 * password, a missing profile, an identity to link.
 *
 * @module
 */
export type { NextStep } from '../web/next-step.js';
export type { RedirectOptions } from './options.js';
export type { RedirectInfo } from './redirect-flow.js';
export { redirectHandler } from './redirect-handler.js';
export { GenAuthRedirectStrategy } from './redirect.strategy.js';
