import type { AddressInfo, Server } from 'node:net';
import { Controller, type INestMicroservice, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  type ClientProxy,
  ClientProxyFactory,
  MessagePattern,
  type TcpOptions,
  Transport,
} from '@nestjs/microservices';
import { lastValueFrom } from 'rxjs';
import { GenAuthClient, type GenAuthTokenUser } from '../../../src/index.js';
import { CurrentUser, GenAuthGuard, GenAuthModule } from '../../../src/nest/index.js';
import { failOnUnhandledRejections } from '../../support/host-process.js';
import { useIssuer } from '../../support/issuer.js';
import { findLeaks } from '../../support/leak.js';
import { MemoryLogger } from '../../support/nest-app.js';

failOnUnhandledRejections();
const issuer = useIssuer();

@Controller()
class Messages {
  constructor(private readonly client: GenAuthClient) {}

  @MessagePattern('captcha')
  captcha(): Promise<object> {
    return this.client.getCaptcha();
  }

  @MessagePattern('refresh')
  refresh(): Promise<object> {
    return this.client.refresh('canary-refresh');
  }

  @UseGuards(GenAuthGuard)
  @MessagePattern('me')
  me(@CurrentUser() user: GenAuthTokenUser): string {
    return user.sub;
  }
}

describe('an application that is a microservice alone, with the module', () => {
  let app: INestMicroservice;
  let proxy: ClientProxy;
  const logger = new MemoryLogger();

  beforeAll(async () => {
    class AppModule {}
    app = await NestFactory.createMicroservice<TcpOptions>(
      { module: AppModule, imports: [GenAuthModule.forRoot(issuer().clientOptions)], controllers: [Messages] },
      { transport: Transport.TCP, options: { host: '127.0.0.1', port: 0 }, logger, abortOnError: false },
    );
    await app.listen();
    const { port } = app.unwrap<Server>().address() as AddressInfo;
    proxy = ClientProxyFactory.create({ transport: Transport.TCP, options: { host: '127.0.0.1', port } });
    await proxy.connect();
  });
  afterAll(async () => {
    await proxy.close();
    await app.close();
  });
  const ask = (pattern: string, data: object = {}): Promise<unknown> =>
    lastValueFrom(proxy.send<unknown>(pattern, data)).catch((error: unknown) => ({ refused: error }));

  it('guards', async () => {
    const claims = issuer().accessTokenClaims();
    expect(await ask('me', { authorization: `Bearer ${issuer().sign(claims)}` })).toBe(claims['sub']);
    expect(await ask('me')).toMatchObject({ refused: { statusCode: 401, code: 'token_missing' } });
  });

  it.each([
    ['captcha', '/api/v3/get-captcha-code', { status: 500 }, 503, 'upstream_unavailable'],
    ['refresh', '/oidc/token', { status: 400, body: { error: 'invalid_grant' } }, 401, 'refresh_token_refused'],
    ['refresh', '/oidc/token', { status: 401, body: { error: 'invalid_client' } }, 500, 'configuration_error'],
  ])(
    'an error of ours in %s: the caller gets its code, and nothing of ours',
    async (pattern, path, reply, status, code) => {
      issuer().reply(path, reply);
      const answer = await ask(pattern);
      expect(answer).toEqual({
        refused: { statusCode: status, error: expect.any(String), message: expect.any(String), code },
      });
      expect(findLeaks([answer, logger.lines], ['canary-refresh'])).toEqual([]);
      expect(findLeaks(answer, [issuer().url])).toEqual([]);
    },
  );
});
