import { Logger } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { GenAuthPasswordStrategy } from '../../../src/index.js';
import { GenAuthGuard, GenAuthPasswordGuard, OptionalAuth, Public } from '../../../src/nest/index.js';
import { useClients } from '../../support/client.js';
import { useIssuer } from '../../support/issuer.js';
import { bearer } from '../../support/marked-routes.js';

beforeAll(() => Logger.overrideLogger(false));
const issuer = useIssuer();
const openClient = useClients(issuer);
const openGuard = (): GenAuthGuard => new GenAuthGuard(openClient(), new Reflector());
const openLoginGuard = (): GenAuthPasswordGuard =>
  new GenAuthPasswordGuard(new GenAuthPasswordStrategy<string>(openClient()));

class Handlers {
  guarded(): void {}

  @OptionalAuth()
  optional(): void {}

  @Public()
  open(): void {}
}

function createContext(type: string, handler: keyof Handlers): ExecutionContextHost {
  const args = [{ headers: { authorization: bearer(issuer()) } }, {}];
  const context = new ExecutionContextHost(args, Handlers, Handlers.prototype[handler]);
  context.setType(type);
  return context;
}

it.each<[type: string, handler: keyof Handlers, open: () => GenAuthGuard | GenAuthPasswordGuard]>([
  ['cron', 'guarded', openGuard],
  ['HTTP', 'optional', openGuard],
  ['rpc', 'guarded', openLoginGuard],
])('refuses a valid token in the context %j of a handler that is %s', async (type, handler, open) => {
  await expect(open().canActivate(createContext(type, handler))).rejects.toMatchObject({
    status: 500,
    message: expect.stringContaining(`do not support the context "${type}"`),
  });
  expect(issuer().requests).toEqual([]);
});

it('opens a @Public handler in an unknown context', async () => {
  expect(await openGuard().canActivate(createContext('cron', 'open'))).toBe(true);
});
