import { fileURLToPath } from 'node:url';
import express, { type Request, type Response } from 'express';
import passport from 'passport';
import {
  GenAuthAdStrategy,
  GenAuthBearerStrategy,
  GenAuthClient,
  GenAuthPasswordStrategy,
  type GenAuthUser,
  type SignInInfo,
  bodyErrorHandler,
  signInHandler,
} from 'passport-genauth';
import { toLoginAnswer } from './login-answer.js';
import { endWithMessage, loadSettings } from './settings.js';

const settings = await loadSettings().catch(endWithMessage);
const client = makeClient();
passport.use(new GenAuthPasswordStrategy(client));
passport.use(new GenAuthAdStrategy(client));
passport.use(new GenAuthBearerStrategy(client));

const app = express();
app.disable('x-powered-by');
app.set('trust proxy', settings.trustProxy);
app.use(express.static(fileURLToPath(new URL('../sample-app/public', import.meta.url))));
app.use(express.json(), bodyErrorHandler);

function answerLogin(req: Request, res: Response): void {
  res.json(toLoginAnswer(req.user as GenAuthUser, req.authInfo as SignInInfo));
}
app.post('/auth/login', signInHandler('genauth-password'), answerLogin);
app.post('/auth/login/ad', signInHandler('genauth-ad'), answerLogin);
app.get('/auth/captcha', async (_req, res) => {
  res.json(await client.getCaptcha());
});
app.get('/me', passport.authenticate('genauth-bearer', { session: false }), (req, res) => {
  res.json(req.user);
});
app.get('/health', (_req, res) => {
  res.json({ status: 'ok' });
});
app.get('/demo/last-sign-in', (_req, res) => {
  const last = settings.emulator?.signIns.at(-1);
  if (last === undefined)
    res.status(404).json({ statusCode: 404, message: 'No sign-in has reached an emulator in this process.' });
  else res.json(last);
});

const server = app.listen(settings.port, settings.host, (error?: Error) => {
  if (error !== undefined) endWithMessage(error);
  const { port } = server.address() as { port: number };
  console.log(`Sample app (Express) listening on http://localhost:${port}`);
});
function makeClient(): GenAuthClient<string> {
  try {
    return new GenAuthClient(settings.options);
  } catch (error) {
    return endWithMessage(error);
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    client.close();
    server.close();
    server.closeAllConnections();
    void settings.emulator?.stop();
  });
}
