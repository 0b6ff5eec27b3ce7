import { PATHS, buildAppPath } from '../../../src/core/wire/facts.js';

// The tests of the functions that send requests compare the paths and the headers with GenAuth's documents.
it('escapes the application ID in the path of its key set', () => {
  expect(buildAppPath('../a?b#c', PATHS.jwks)).toBe('/..%2Fa%3Fb%23c/oidc/.well-known/jwks.json');
});
