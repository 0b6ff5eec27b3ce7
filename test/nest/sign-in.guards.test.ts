import { Controller, HttpCode, Post, UseGuards } from '@nestjs/common';
import { GenAuthPasswordStrategy, type SignInInfo } from '../../src/index.js';
import { AuthInfo, CurrentUser, GenAuthModule, GenAuthPasswordGuard } from '../../src/nest/index.js';
import { lastSignIn } from '../support/client.js';
import { buildHandlers } from '../support/handlers.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { SUBJECT, useIssuer } from '../support/issuer.js';
import { PLATFORMS, type Platform, send, startNestApp } from '../support/nest-app.js';

failOnUnhandledRejections();
const issuer = useIssuer();
beforeEach(() => issuer().replySignIn());

@Controller()
class LoginController {
  @UseGuards(GenAuthPasswordGuard)
  @HttpCode(200)
  @Post('own')
  login(@CurrentUser('sub') sub: string, @AuthInfo() { tokens, requestId, claims }: SignInInfo): object {
    return { sub, members: Object.keys(tokens), requestId, aud: claims.aud };
  }
}
const login = (url: string, headers = {}): ReturnType<typeof send> =>
  send(`${url}/own`, { method: 'POST', body: { account: 'alice', password: 'passw0rd' }, headers });

describe.each(Object.keys(PLATFORMS) as Platform[])('a login on %s', (platform) => {
  it.each([
    ['has the user, the info and the client address of a trusted proxy', { trustProxy: 'loopback' }, '203.0.113.7'],
    ['ignores the headers of a proxy that is not trusted', {}, '127.0.0.1'],
  ])('%s', async (_title, settings, clientIp) => {
    const metadata = { imports: [GenAuthModule.forRoot(issuer().clientOptions)], controllers: [LoginController] };
    const { url, close } = await startNestApp(platform, metadata, settings);
    const answer = await login(url, { 'x-forwarded-for': '203.0.113.7', 'x-real-ip': '198.51.100.1' });
    await close();
    const members = expect.arrayContaining(['idToken', 'accessToken']) as unknown;
    const body = { sub: SUBJECT, members, requestId: 'request-1', aud: issuer().clientOptions.appId };
    expect(answer).toMatchObject({ status: 200, body });
    expect(lastSignIn(issuer()).options['clientIp']).toBe(clientIp);
  });
});

type Verify = (done: (error: unknown, user?: false) => void) => void | Promise<void>;
const DENIED = { status: 403, body: { statusCode: 403, error: 'Forbidden', code: 'verify_denied' } };
const FAILED = { status: 500, body: { statusCode: 500, message: 'Internal server error' } };
it.each<[title: string, verify: Verify, answer: object]>([
  ['refuses the user', (done) => done(null, false), DENIED],
  ['fails', () => Promise.reject(new Error('no database')), FAILED],
])('refuses a login if the function verify of the strategy %s', async (_title, verify, answer) => {
  const strategy = new GenAuthPasswordStrategy(issuer().clientOptions, (...args) => verify(args[3]));
  const { url, close } = await startNestApp('Express', {
    providers: [{ provide: GenAuthPasswordStrategy, useValue: strategy }],
    controllers: [buildHandlers({ own: [UseGuards(GenAuthPasswordGuard), Post('own')] }, Controller())],
  });
  const answered = await login(url);
  await close();
  expect(answered).toMatchObject(answer);
});
