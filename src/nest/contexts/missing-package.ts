import { ConfigurationError } from '../../core/errors.js';

/**
 * Builds the error for a package of Nest that cannot be loaded, although a message of its transport has arrived. The
 * package is an optional peer, so bundlers leave it out of an application that has no gateway and no microservice.
 */
export function buildMissingPackageError(name: string, cause: unknown): ConfigurationError {
  const fix = `Install it: npm install ${name}. If you bundle the application, do not let the bundler ignore ${name}`;
  return new ConfigurationError('package_missing', `The package ${name} cannot be loaded. ${fix}.`, { cause });
}
