import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { refuseUnreadableBodies } from 'passport-genauth/nest';
import { AppModule } from './app.module.js';
import { PUBLIC_FOLDER } from './login-answer.js';
import { setPageHeaders } from './page-headers.js';
import { announce, endWithMessage, endWithPort, loadSettings, refuseForeignHosts } from './settings.js';

const settings = await loadSettings().catch(endWithMessage);
const app = await NestFactory.create<NestExpressApplication>(AppModule.forRoot(settings), {
  abortOnError: false,
}).catch(endWithMessage);
app.use(refuseForeignHosts(settings), setPageHeaders);
refuseUnreadableBodies(app);
app.set('trust proxy', settings.trustProxy);
app.useStaticAssets(PUBLIC_FOLDER);
app.enableShutdownHooks();
await app.listen(settings.port, settings.host).catch(endWithPort);
const { port } = app.getHttpServer().address() as { port: number };
announce('Nest', port, settings);
