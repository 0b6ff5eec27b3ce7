/** A test kit for applications that are guarded by GenAuth. The guards stay active. Do not use it in production. */
export type { TestAgent } from './agent.js';
export type { TestClaims } from './token-claims.js';
export { GenAuthTestingModule } from './genauth-testing.module.js';
export type { TokenMint } from './token-mint.js';
export type { TestAnswer, TestRequest } from './open-app.js';
export type { ProtectionOptions } from './protection.js';
export { GenAuthTestKit, type GenAuthTestKitOptions } from './test-kit.js';
