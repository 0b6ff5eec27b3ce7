import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { GenAuthClient } from 'passport-genauth';
import { type EmulatorAdDirectory, GenAuthEmulator } from 'passport-genauth/emulator';
import { AppModule } from '../../../sample-app/app.module.js';
import { makeApp } from '../../../sample-app/express-app.js';
import { loadSettings, type Settings } from '../../../sample-app/settings.js';

export interface SampleApp {
  readonly url: string;
  readonly emulator: GenAuthEmulator;
  close(): Promise<void>;
}

type Listening = Pick<SampleApp, 'url' | 'close'>;

const STARTS: Readonly<Record<'Nest' | 'Express', (settings: Settings) => Promise<Listening>>> = {
  Nest: async (settings) => {
    const app = await NestFactory.create(AppModule.forRoot(settings), { abortOnError: false });
    await app.listen(0, '127.0.0.1');
    return { url: await app.getUrl(), close: () => app.close() };
  },
  Express: async (settings) => {
    const client = new GenAuthClient<string>(settings.options);
    const server = makeApp(client, settings).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return {
      url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
      close: async () => {
        client.close();
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      },
    };
  },
};

export const SAMPLE_APPS = ['Nest', 'Express'] as const;

/** Starts a sample's application in this process, with an emulator whose connection AD asks `ad`. */
export async function startSampleApp(name: (typeof SAMPLE_APPS)[number], ad: EmulatorAdDirectory): Promise<SampleApp> {
  const emulator = await new GenAuthEmulator({ ad }).start();
  const { appId, appSecret, url } = emulator;
  const settings = await loadSettings({ GENAUTH_APP_ID: appId, GENAUTH_APP_SECRET: appSecret, GENAUTH_APP_HOST: url });
  const app = await STARTS[name]({ ...settings, emulator });
  return {
    url: app.url,
    emulator,
    close: async () => {
      await app.close();
      await emulator.stop();
    },
  };
}
