import 'reflect-metadata';
import { fileURLToPath } from 'node:url';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import express from 'express';
import { genAuthErrorHandler } from 'passport-genauth';
import { AppModule } from './app.module.js';
import { announce, endWithMessage, endWithPort, loadSettings, refuseForeignHosts } from './settings.js';

const settings = await loadSettings().catch(endWithMessage);
const app = await NestFactory.create<NestExpressApplication>(AppModule.forRoot(settings), {
  abortOnError: false,
  bodyParser: false,
}).catch(endWithMessage);
app.use(refuseForeignHosts(settings));
// This parser replaces Nest's body parser. If Nest's body parser cannot parse a request body, its error response
// contains a part of the body, and this part can contain a password.
app.use(express.json(), genAuthErrorHandler());
app.set('trust proxy', settings.trustProxy);
app.useStaticAssets(fileURLToPath(new URL('../sample-app/public', import.meta.url)));
app.enableShutdownHooks();
await app.listen(settings.port, settings.host).catch(endWithPort);
const { port } = app.getHttpServer().address() as { port: number };
announce('Nest', port, settings);
