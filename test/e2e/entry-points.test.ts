import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROOT } from '../support/process.js';

const toDataUrl = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;
const DIST = pathToFileURL(join(ROOT, 'dist')).href;

/** Prints every import of a file of the built package, before it is resolved. */
const HOOK = `
import { writeSync } from 'node:fs';
export async function resolve(specifier, context, nextResolve) {
  if (context.parentURL?.startsWith(${JSON.stringify(`${DIST}/`)})) writeSync(1, specifier + '\\n');
  return nextResolve(specifier, context);
}`;
const PREPARATION = `import { register } from 'node:module'; register(${JSON.stringify(toDataUrl(HOOK))});`;

/** Loads a file of the built package in a new process, and returns what the package's own files import. */
function listImports(file: string): string[] {
  const run = `await import(${JSON.stringify(`${DIST}/${file}`)});`;
  const args = ['--import', toDataUrl(PREPARATION), '--input-type=module', '--eval', run];
  const output = execFileSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8' });
  return [...new Set(output.split('\n').filter((line) => line !== ''))].sort();
}
const isNests = (specifier: string): boolean => specifier.startsWith('@nestjs/');

const isPackage = (specifier: string): boolean => !/^(\.|node:)/.test(specifier);

describe('what the built package imports', () => {
  it('passport-genauth/client: neither Passport nor a framework', () => {
    expect(listImports('client.js').filter(isPackage)).toEqual(['axios', 'jose']);
  });

  it('passport-genauth: Passport and no framework', () => {
    expect(listImports('index.js').filter(isPackage)).toEqual(['axios', 'jose', 'passport', 'passport-custom']);
  });

  it('passport-genauth/nest: no private file of Nest, and nothing of the OpenAPI entry', () => {
    const imports = listImports('nest/index.js');
    expect(imports.filter(isNests)).toEqual(['@nestjs/common', '@nestjs/core', '@nestjs/passport']);
    expect(imports).toContain('./genauth.guard.js');
    expect(imports.filter((specifier) => specifier.includes('openapi'))).toEqual([]);
  });

  it('passport-genauth/nest/openapi: alone imports private files of Nest', () => {
    expect(listImports('nest/openapi/index.js').filter(isNests)).toEqual([
      '@nestjs/common',
      '@nestjs/common/constants.js',
      '@nestjs/core',
      '@nestjs/core/router/route-path-factory.js',
      '@nestjs/passport',
    ]);
  });
});
