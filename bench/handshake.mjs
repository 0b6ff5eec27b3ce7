// Measures whether the size of a handshake matters for each message: the processor time of a message on a connection
// with a large handshake, divided by the processor time of a message on a connection with an empty one. The messages
// are refused, because anybody can send them.
//
//   npm install && npm run build && node bench/handshake.mjs
//
// The run fails if a message takes more than 1.2 times as long.
//
// The frameworks are those of the repository, not those of bench/package.json.
import { once } from 'node:events';
import { createRequire } from 'node:module';

const require = createRequire(new URL('../package.json', import.meta.url));
require('reflect-metadata');
const { Logger, UseGuards } = require('@nestjs/common');
const { NestFactory } = require('@nestjs/core');
const { ApolloDriver } = require('@nestjs/apollo');
const { GraphQLModule, Query, Resolver, Subscription } = require('@nestjs/graphql');
const { SubscribeMessage, WebSocketGateway } = require('@nestjs/websockets');
const { io } = require('socket.io-client');
const { WebSocket } = require('ws');
const { GenAuthEmulator } = require('passport-genauth/emulator');
const { GenAuthGuard, GenAuthModule } = require('passport-genauth/nest');

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 15);
const MESSAGES = 200;
/** An object with this many short names. */
const makeNames = (count) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`name${i}`, '']));
const SIZES = { 'Socket.IO': 60_000, 'graphql-ws': 260_000 };

class Gateway {
  say() {
    return 'never';
  }
}
decorate(Gateway, 'say', SubscribeMessage('say'));
UseGuards(GenAuthGuard)(Gateway);
WebSocketGateway({ maxHttpBufferSize: 1e7 })(Gateway);

class Resolvers {
  me() {
    return 'never';
  }
  ticks() {
    return 'never';
  }
}
decorate(Resolvers, 'me', Query('me'));
decorate(Resolvers, 'ticks', Subscription('ticks'));
UseGuards(GenAuthGuard)(Resolvers);
Resolver()(Resolvers);

function decorate(target, name, decorator) {
  decorator(target.prototype, name, Object.getOwnPropertyDescriptor(target.prototype, name));
}

Logger.overrideLogger(false);
const emulator = await new GenAuthEmulator().start();
class AppModule {}
const graphql = GraphQLModule.forRoot({
  driver: ApolloDriver,
  typeDefs: 'type Query { me: String } type Subscription { ticks: String }',
  subscriptions: { 'graphql-ws': true },
  graphiql: false,
});
const imports = [GenAuthModule.forRoot(emulator.clientOptions), graphql];
const app = await NestFactory.create(
  { module: AppModule, imports, providers: [Gateway, Resolvers] },
  { logger: false },
);
await app.listen(0, '127.0.0.1');
const url = await app.getUrl();

/** Opens a connection, and returns a function that sends one message and waits for its refusal. */
const OPEN = {
  'Socket.IO': async (auth) => {
    const socket = io(url, { auth, transports: ['websocket'], forceNew: true });
    await new Promise((resolve) => socket.on('connect', resolve));
    return async () => {
      const refused = new Promise((resolve) => socket.once('exception', resolve));
      socket.emit('say', 'x');
      if ((await refused).statusCode !== 401) throw new Error('The message was not refused.');
    };
  },
  'graphql-ws': async (payload) => {
    const ws = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    await once(ws, 'open');
    ws.send(JSON.stringify({ type: 'connection_init', payload }));
    await once(ws, 'message');
    let id = 0;
    return async () => {
      id += 1;
      ws.send(JSON.stringify({ id: String(id), type: 'subscribe', payload: { query: 'subscription { ticks }' } }));
      const [message] = await once(ws, 'message');
      if (!message.toString().includes('UNAUTHENTICATED')) throw new Error('The message was not refused.');
    };
  },
};

console.log('| handshake | JSON in MB | empty, ms | large, ms | large / empty |');
console.log('| --------- | ---------- | --------- | --------- | ------------- |');
for (const [name, open] of Object.entries(OPEN)) {
  const large = makeNames(SIZES[name]);
  const senders = [await open({}), await open(large)];
  const times = [[], []];
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const side of round % 2 === 0 ? [0, 1] : [1, 0]) {
      const before = process.cpuUsage();
      for (let i = 0; i < MESSAGES; i += 1) await senders[side]();
      const { user, system } = process.cpuUsage(before);
      times[side].push((user + system) / 1000 / MESSAGES);
    }
  }
  const median = (values) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
  const [empty, full] = times.map(median);
  const size = (JSON.stringify(large).length / 1e6).toFixed(1);
  if (ROUNDS >= 15 && full > 1.2 * empty) process.exitCode = 1;
  console.log(`| ${name} | ${size} | ${empty.toFixed(3)} | ${full.toFixed(3)} | ${(full / empty).toFixed(2)} |`);
}
process.exit();
