import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { readRequestContext } from '../../../src/nest/contexts/read-request-context.js';
import { GenAuthGuard, GenAuthPasswordGuard, Public } from '../../../src/nest/index.js';

class Handlers {
  @Public()
  open(this: void): void {}
}
function createContext(type: string): ExecutionContextHost {
  const context = new ExecutionContextHost([{ headers: {} }], Handlers, Handlers.prototype.open);
  context.setType(type);
  return context;
}

const readByGuard = async (context: ExecutionContextHost): Promise<unknown> => readRequestContext(context);
it.each<[title: string, type: string, args: unknown[], read: typeof readByGuard]>([
  ['GenAuthGuard and a queue', 'rmq', [{}], readByGuard],
  ['GenAuthGuard and HTTP without a request', 'http', [], readByGuard],
  ['GenAuthGuard and HTTP without headers', 'http', [{ url: '/' }], readByGuard],
  ['a login guard and a message', 'rpc', [{}], (context) => new GenAuthPasswordGuard({} as never).canActivate(context)],
])('refuses, for %s, and names the method', async (_title, type, args, read) => {
  const context = new ExecutionContextHost(args, Handlers, Handlers.prototype.open);
  context.setType(type);
  const message = expect.stringContaining(`do not support the context "${type}" of Handlers.open`);
  await expect(read(context)).rejects.toMatchObject({ status: 500, message });
});

it('refuses an exception filter an unknown context without a method', () => {
  const host = { getType: () => 'cron' } as never;
  expect(() => readRequestContext(host)).toThrow('do not support the context "cron". They refuse it.');
});

it('opens a @Public handler in an unknown context', async () => {
  const guard = new GenAuthGuard({} as never);
  expect(await guard.canActivate(createContext('cron'))).toBe(true);
});
