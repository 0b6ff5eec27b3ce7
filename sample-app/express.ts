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
    client.close();
    server.close();
    server.closeAllConnections();
    void settings.emulator?.stop();
  });
}

function makeClient(): GenAuthClient<string> {
  try {
    return new GenAuthClient(settings.options);
  } catch (error) {
    return endWithMessage(error);
  }
}
