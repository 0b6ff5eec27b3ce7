import { jest } from '@jest/globals';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { TokenVerificationError } from '../../../src/core/errors.js';
import type { Refusal } from '../../../src/web/refusal.js';

const refusal: Refusal = {
  action: 'fail',
  status: 401,
  headers: {},
  body: { statusCode: 401, error: 'Unauthorized', message: 'x', code: 'invalid_token' },
  error: new TokenVerificationError('token_expired', 'x', { details: { token: 'access_token' } }),
};

/** Loads a file anew, which cannot import the package. */
async function loadWithout<Module>(name: string, file: string): Promise<Module> {
  jest.resetModules();
  jest.unstable_mockModule(name, () => {
    throw new Error(`Cannot find package '${name}'`);
  });
  return (await import(file)) as Module;
}

const describeMissing = (name: string) => ({
  name: 'ConfigurationError',
  code: 'package_missing',
  statusCode: 500,
  message:
    `The package ${name} cannot be loaded. Install it: npm install ${name}. ` +
    `If you bundle the application, do not let the bundler ignore ${name}.`,
  cause: { message: `Cannot find package '${name}'` },
});

it('names the package that a refused message of a microservice requires', async () => {
  const { readRpcContext } = await loadWithout<typeof import('../../../src/nest/contexts/rpc.js')>(
    '@nestjs/microservices',
    '../../../src/nest/contexts/rpc.js',
  );
  const { refuse } = readRpcContext(new ExecutionContextHost([{}]));
  await expect(refuse(refusal)).rejects.toMatchObject(describeMissing('@nestjs/microservices'));
});

it('names the package that a refused message of a gateway requires', async () => {
  const { readWebSocketContext } = await loadWithout<typeof import('../../../src/nest/contexts/websocket.js')>(
    '@nestjs/websockets',
    '../../../src/nest/contexts/websocket.js',
  );
  const { refuse } = readWebSocketContext(new ExecutionContextHost([{}]));
  await expect(refuse(refusal)).rejects.toMatchObject(describeMissing('@nestjs/websockets'));
});
