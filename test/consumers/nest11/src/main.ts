import { NestFactory } from '@nestjs/core';
import { refuseUnreadableBodies } from 'passport-genauth/nest';
import { AppModule } from './app.module';

async function bootstrap() {
  const app = await NestFactory.create(AppModule);
  refuseUnreadableBodies(app);
  await app.listen(process.env.PORT ?? 3000);
}
void bootstrap();
