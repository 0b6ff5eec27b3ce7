import type { AddressInfo } from 'node:net';
import { isDeepStrictEqual } from 'node:util';
import { NestFactory } from '@nestjs/core';
import { eq } from 'drizzle-orm';
import { GenAuthEmulator } from 'passport-genauth/emulator';
import { makeApp } from './express.js';
import { AppModule } from './nest.js';
import { UsersService, table } from './users.js';

const nest = await NestFactory.create(AppModule, { logger: ['warn', 'error'] });
await nest.listen(0);
const { db } = nest.get(UsersService);
const express = makeApp(nest.get(GenAuthEmulator).clientOptions, nest.get(UsersService)).listen(0);

/** Sends a request. Returns the name in the row that the response contains, or the status and the code. */
async function ask(url: string, headers: Record<string, string>, account?: string) {
  const body = JSON.stringify({ account, password: 'passw0rd' });
  const response = await fetch(url, account === undefined ? { headers } : { method: 'POST', headers, body });
  const { user, accessToken, code } = (await response.json()) as Record<string, string>;
  const row = (await db.select().from(table)).find((stored) => isDeepStrictEqual(stored, user));
  return { shown: row?.name ?? `${response.status} ${code}`, authorization: `Bearer ${accessToken}` };
}

for (const server of [nest.getHttpServer(), express]) {
  await db.delete(table);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const login = (account: string) => ask(`${url}/login`, { 'content-type': 'application/json' }, account);
  const me = ({ authorization }: { authorization: string }) => ask(`${url}/me`, { authorization });
  const [alice, bob] = [await login('alice'), await login('bob')];
  const askAll = async (blocked: boolean) => {
    await db.update(table).set({ blocked }).where(eq(table.name, 'Alice Example'));
    const answers = [await login('alice'), await me(alice), await login('bob'), await me(bob)];
    return answers.map(({ shown }) => shown);
  };
  const answers = {
    first: alice.shown,
    open: await askAll(false),
    blocked: await askAll(true),
    again: await askAll(false),
  };
  console.log(JSON.stringify({ ...answers, rows: await db.$count(table) }));
}
express.close();
await nest.close();
