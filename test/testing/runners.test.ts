import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../support/process.js';

const run = promisify(execFile);

/** Runs a program on the built package, in a Node of its own; fails if it does not end by itself. */
async function runProgram(code: string, env: Record<string, string> = {}): Promise<string> {
  const { stdout } = await run(process.execPath, ['--input-type=module', '-e', code], {
    cwd: ROOT,
    timeout: 30_000,
    env: { PATH: process.env['PATH'] ?? '', NO_COLOR: '1', ...env },
  });
  return stdout;
}

const IMPORT = `const { GenAuthTestKit, GenAuthTestingModule } = await import(${JSON.stringify(
  join(ROOT, 'dist/testing/index.js'),
)});`;

/** What test frameworks put into the global scope: whoever looks at one of them is told so. */
const TRAPS = `
  const globals = ['jest', 'vi', 'expect', 'assert', 'describe', 'it', 'test', 'suite', 'before', 'beforeAll', 'beforeEach', 'after', 'afterAll', 'afterEach'];
  for (const name of globals) {
    Object.defineProperty(globalThis, name, { get() { throw new Error(name + ' was touched'); } });
  }`;

const APP = `
  import express from 'express';
  const { GenAuthClient, requireAuth } = await import('passport-genauth');
  const genauth = await GenAuthTestKit.start();
  const client = new GenAuthClient(genauth.redirect({ appId: 'production', scope: ['openid', 'roles'] }));
  const app = express();
  app.get('/admin', requireAuth(client, { roles: ['admin'] }), (req, res) => res.json(req.user));
  app.get('/open', (req, res) => res.json({}));`;

it('needs no globals of a framework, in plain Node, and leaves nothing open', async () => {
  const output = await runProgram(`${TRAPS}
    ${IMPORT}
    ${APP}
    const { status } = await genauth.as(app, { roles: ['admin'] }).get('/admin');
    await genauth.assertProtected(app, { except: ['/open'] });
    const found = await genauth.assertProtected(app).catch((error) => error.message.split('\\n')[1].trim());
    await genauth.stop();
    // Node takes a few turns of the loop to forget what is closed.
    for (let turn = 0; turn < 10; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    const left = process.getActiveResourcesInfo().filter((name) => /TCP|Timeout/.test(name));
    console.log(JSON.stringify([status, found, left]));
  `);
  const [status, found, left] = JSON.parse(output) as unknown[];
  expect([status, found]).toEqual([
    200,
    '- GET /open: 200 without a token, 200 with an expired token, 200 with a forged token',
  ]);
  // Nor of the client, which was not closed: the other side ends its connections.
  expect(left).toEqual([]);
});

it('runs under node:test', async () => {
  const output = await runProgram(`
    import assert from 'node:assert';
    import { after, test } from 'node:test';
    ${IMPORT}
    ${APP}
    after(() => genauth.stop());
    test('an admin gets in', async () => {
      assert.equal((await genauth.as(app, { roles: ['admin'] }).get('/admin')).status, 200);
    });
    test('others do not', async () => {
      assert.equal((await genauth.as(app).get('/admin')).status, 403);
      await genauth.assertProtected(app, { except: ['/open'] });
    });
    test('an open route fails the test', { todo: 'fails on purpose' }, () => genauth.assertProtected(app));
  `);
  expect(output).toMatch(/pass 2\b/);
  expect(output).toMatch(/todo 1\b/);
  expect(output).toContain('GET /open: 200 without a token');
});

it("makes tokens for Fastify's own inject", async () => {
  const output = await runProgram(`
    import 'reflect-metadata';
    import { Controller, Get, Module, UseGuards } from '@nestjs/common';
    import { FastifyAdapter } from '@nestjs/platform-fastify';
    import { Test } from '@nestjs/testing';
    const { GenAuthGuard, GenAuthModule } = await import('passport-genauth/nest');
    ${IMPORT}
    class Me { me() { return 'me'; } }
    Get('me')(Me.prototype, 'me', Object.getOwnPropertyDescriptor(Me.prototype, 'me'));
    UseGuards(GenAuthGuard)(Me);
    Controller()(Me);
    class AppModule {}
    const options = { appId: 'a', appSecret: 's', appHost: 'https://tenant.invalid' };
    Module({ imports: [GenAuthModule.forRoot(options)], controllers: [Me] })(AppModule);
    const genauth = await GenAuthTestKit.start();
    const builder = Test.createTestingModule({ imports: [AppModule] });
    const app = (await GenAuthTestingModule.override(builder, genauth).compile()).createNestApplication(new FastifyAdapter());
    await app.init();
    const ask = async (token) => (await app.inject({ url: '/me', headers: { authorization: 'Bearer ' + token } })).statusCode;
    console.log(await ask(genauth.mint.valid()), await ask(genauth.mint.expired()), await ask(genauth.mint.forged()));
    await genauth.assertProtected(app);
    await app.close();
    await genauth.stop();
  `);
  expect(output.trim().split('\n').at(-1)).toBe('200 401 401');
});

it('can be imported in production, and does not start there', async () => {
  const output = await runProgram(
    `${IMPORT} await GenAuthTestKit.start().catch((error) => console.log(error.code, error.message));`,
    { NODE_ENV: 'production' },
  );
  expect(output).toMatch(/^production_refused The GenAuth test kit does not start with NODE_ENV=production/);
});
