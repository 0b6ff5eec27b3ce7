import { INestApplication } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { GenAuthTestKit, GenAuthTestingModule } from 'passport-genauth/testing';
import request from 'supertest';
import { App } from 'supertest/types';
import { AppModule } from './../src/app.module';

describe('AppController (e2e)', () => {
  let genauth: GenAuthTestKit;
  let app: INestApplication<App>;

  beforeAll(async () => {
    genauth = await GenAuthTestKit.start();
    const builder = Test.createTestingModule({ imports: [AppModule] });
    app = (await GenAuthTestingModule.override(builder, genauth).compile()).createNestApplication();
    await app.init();
  });

  afterAll(async () => {
    await app.close();
    await genauth.stop();
  });

  it('signs in, and shows the own user', async () => {
    const login = await request(app.getHttpServer()).post('/login').send({ account: 'alice', password: 'passw0rd' });
    const me = await request(app.getHttpServer()).get('/me').auth(login.body.accessToken, { type: 'bearer' });
    expect(me.body).toEqual({ id: 1, sub: login.body.user.sub, name: 'Alice Example' });
  });

  it('/admin (GET)', async () => {
    await request(app.getHttpServer()).get('/admin').auth(genauth.mint.forged(), { type: 'bearer' }).expect(401);
    expect((await genauth.as(app, { roles: ['guest'] }).get('/admin')).status).toBe(403);
  });

  it('guards every route but the login and the refresh', () =>
    genauth.assertProtected(app, { except: ['POST /login', 'POST /refresh'] }));
});
