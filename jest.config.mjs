import { availableParallelism } from 'node:os';

export default {
  testEnvironment: 'node',
  // A busy machine is slow, and no test measures time.
  testTimeout: 30_000,
  // Many tests wait for other processes, so a core can run more than one worker.
  maxWorkers: Math.ceil(availableParallelism() * 1.5),
  globalSetup: '<rootDir>/test/support/rsa-key-pool.ts',
  roots: ['<rootDir>/test'],
  testRegex: '\\.test\\.ts$',
  testPathIgnorePatterns: ['<rootDir>/test/.tmp/'],
  modulePathIgnorePatterns: ['<rootDir>/test/.tmp/', '<rootDir>/dist/'],
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: {
    // The sample app imports the package by its public name: here it is tested against src.
    '^passport-genauth$': '<rootDir>/src/index.ts',
    '^passport-genauth/client$': '<rootDir>/src/client.ts',
    '^passport-genauth/redis$': '<rootDir>/src/stores/redis/index.ts',
    '^passport-genauth/(nest|nest/openapi|nest/redirect|redirect|otel|emulator|testing|doctor)$':
      '<rootDir>/src/$1/index.ts',
    // TypeScript's ESM writes './x.js' for './x.ts'.
    '^(\\.{1,2}/.*)\\.js$': '$1',
  },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        swcrc: false,
        sourceMaps: 'inline',
        module: { type: 'es6' },
        jsc: {
          target: 'es2022',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true, useDefineForClassFields: true },
          keepClassNames: true,
        },
      },
    ],
  },
  collectCoverageFrom: ['src/**/*.ts'],
  coverageProvider: 'babel',
};
