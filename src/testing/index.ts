/**
 * The entry point of the test kit, for applications with the guards of passport-genauth. The guards stay active in
 * tests. Do not use the test kit in production.
 */
export type { TestAgent } from './agent.js';
export type { TestClaims } from './token-claims.js';
export { GenAuthTestingModule } from './genauth-testing.module.js';
export type { TokenMint } from './token-mint.js';
export type { TestAnswer, TestRequest } from './open-app.js';
export { ProtectionError, type ProtectionOptions } from './protection.js';
export { GenAuthTestKit, type GenAuthTestKitOptions } from './test-kit.js';
