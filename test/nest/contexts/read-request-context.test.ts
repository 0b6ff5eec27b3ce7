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

it.each<[guard: string, type: string, read: (context: ExecutionContextHost) => unknown]>([
  ['GenAuthGuard', 'HTTP', async (context) => readRequestContext(context)],
  ['a login guard', 'rpc', (context) => new GenAuthPasswordGuard({} as never).canActivate(context)],
])('refuses, for %s, the context "%s"', async (_guard, type, read) => {
  const message = expect.stringContaining(`do not support the context "${type}"`);
  await expect(read(createContext(type))).rejects.toMatchObject({ status: 500, message });
});

it('opens a @Public handler in an unknown context', async () => {
  const guard = new GenAuthGuard({} as never);
  expect(await guard.canActivate(createContext('cron'))).toBe(true);
});
