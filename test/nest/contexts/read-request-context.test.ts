import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { Logger } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { GenAuthPasswordStrategy } from '../../../src/index.js';
import { GenAuthGuard, GenAuthPasswordGuard, OptionalAuth, Public } from '../../../src/nest/index.js';
import { useClients } from '../../support/client.js';
import { useIssuer } from '../../support/issuer.js';
import { bearer } from '../../support/marked-routes.js';

beforeAll(() => Logger.overrideLogger(false));
const issuer = useIssuer();
const openClient = useClients(issuer);

class Handlers {
  guarded(): void {}

  @OptionalAuth()
  optional(): void {}

  @Public()
  open(): void {}
}

function createContext(type: string, handler: keyof Handlers): ExecutionContextHost {
  const authorization = bearer(issuer());
  const args = [{ headers: { authorization }, authorization }, {}];
  const context = new ExecutionContextHost(args, Handlers, Handlers.prototype[handler]);
  // `setType` ignores an empty type.
  return Object.assign(context, { getType: () => type });
}

const UNKNOWN = ['http2', 'graphql-ws', 'cron', '', 'HTTP', 'constructor'];

describe.each(UNKNOWN)('the unknown context %j', (type) => {
  const openGuard = (): GenAuthGuard => new GenAuthGuard(openClient(), new Reflector());

  it.each(['guarded', 'optional'] as const)(
    'is refused with a valid token by a handler that is %s',
    async (handler) => {
      await expect(openGuard().canActivate(createContext(type, handler))).rejects.toMatchObject({
        status: 500,
        message: expect.stringContaining(`do not support the context "${type}"`),
      });
      expect(issuer().requests).toEqual([]);
    },
  );

  it('is open if the handler is @Public', async () => {
    expect(await openGuard().canActivate(createContext(type, 'open'))).toBe(true);
  });
});

it.each(['ws', 'rpc', 'graphql', 'cron'])('a login guard refuses the context %j', async (type) => {
  const guard = new GenAuthPasswordGuard(new GenAuthPasswordStrategy<string>(openClient()));
  await expect(guard.canActivate(createContext(type, 'guarded'))).rejects.toThrow(
    `do not support the context "${type}"`,
  );
  expect(issuer().requests).toEqual([]);
});
