/**
 * The entry point `passport-genauth/nest/redirect`: the module and the guard for the sign-in on GenAuth's hosted page.
 *
 * @module
 */
export type { RedirectInfo, RedirectOptions } from '../../redirect/index.js';
export { GenAuthRedirectGuard } from './genauth-redirect.guard.js';
export { GenAuthRedirectModule } from './genauth-redirect.module.js';
