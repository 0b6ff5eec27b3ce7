import { once } from 'node:events';
import { type Socket, connect } from 'node:net';
import { Worker } from 'node:worker_threads';

/** The worker listens with a queue of one connection, and then stops, so that it accepts no connection. */
const SOURCE = `
  const { parentPort } = require('node:worker_threads');
  const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    parentPort.postMessage(server.address().port);
    setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
  });`;

/** Starts listeners with a full queue: the packets of a new connection get no answer. They end after the test. */
export function useSilentListeners(): () => Promise<number> {
  const workers: Worker[] = [];
  const sockets: Socket[] = [];
  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await Promise.all(workers.splice(0).map((worker) => worker.terminate()));
  });
  return async () => {
    const worker = new Worker(SOURCE, { eval: true });
    workers.push(worker);
    const [port] = (await once(worker, 'message')) as [number];
    // Linux accepts one connection more than the queue holds.
    for (let i = 0; i < 2; i++) {
      const socket = connect(port, '127.0.0.1');
      sockets.push(socket);
      await once(socket, 'connect');
    }
    return port;
  };
}
