import { GenAuthClient } from 'passport-genauth';
import { makeApp } from './express-app.js';
import { announce, endWithMessage, endWithPort, loadSettings } from './settings.js';

const settings = await loadSettings().catch(endWithMessage);
const client = makeClient();
const server = makeApp(client, settings).listen(settings.port, settings.host, (error?: Error) => {
  if (error !== undefined) endWithPort(error);
  const { port } = server.address() as { port: number };
  announce('Express', port, settings);
});

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    // The requests in progress are answered first, for at most the time of a login.
    server.close(() => {
      void client.close();
      void settings.stop();
    });
    setTimeout(() => server.closeAllConnections(), client.options.timeout).unref();
  });
}

function makeClient(): GenAuthClient<string> {
  try {
    return new GenAuthClient(settings.options);
  } catch (error) {
    return endWithMessage(error);
  }
}
