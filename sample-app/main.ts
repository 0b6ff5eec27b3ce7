import 'reflect-metadata';
import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { AppModule } from './app.module.js';
import { loadSettings } from './settings.js';

const settings = await loadSettings();
const app = await NestFactory.create<NestExpressApplication>(AppModule.forRoot(settings));
app.set('trust proxy', settings.trustProxy);
app.useStaticAssets(fileURLToPath(new URL('../sample-app/public', import.meta.url)));
app.enableShutdownHooks();
await app.listen(settings.port);
const { port } = app.getHttpServer().address() as { port: number };
console.log(`Sample app (Nest) listening on http://localhost:${port}`);
