import type { AddressInfo, Server } from 'node:net';
import type { LoggerService, ModuleMetadata } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { type ClientProxy, ClientProxyFactory, type TcpOptions, Transport } from '@nestjs/microservices';

/** Starts a real microservice over TCP on a free loopback port, and a client that sends messages to it. */
export async function startMicroservice(
  metadata: ModuleMetadata,
  logger: LoggerService | false = false,
): Promise<{ proxy: ClientProxy; close: () => Promise<unknown> }> {
  class AppModule {}
  const [transport, host] = [Transport.TCP, '127.0.0.1'] as const;
  const app = await NestFactory.createMicroservice<TcpOptions>(
    { module: AppModule, ...metadata },
    { transport, options: { host, port: 0 }, logger },
  );
  await app.listen();
  const { port } = app.unwrap<Server>().address() as AddressInfo;
  const proxy = ClientProxyFactory.create({ transport, options: { host, port } });
  return { proxy, close: () => Promise.all([proxy.close(), app.close()]) };
}
