import { Controller, HttpCode, Post, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { GenAuthPasswordStrategy, type SignInInfo } from '../../src/index.js';
import { AuthInfo, CurrentUser, GenAuthAdGuard, GenAuthModule, GenAuthPasswordGuard } from '../../src/nest/index.js';
import { lastSignIn } from '../support/client.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { SUBJECT, useIssuer } from '../support/issuer.js';
import { PLATFORMS, type Platform, send, startNestApp } from '../support/nest-app.js';

failOnUnhandledRejections();
const issuer = useIssuer();
beforeEach(() => issuer().replySignIn());

@Controller()
class LoginController {
  @UseGuards(AuthGuard('genauth-password'))
  @HttpCode(200)
  @Post('bare')
  bare(@CurrentUser('sub') sub: string, @AuthInfo() { tokens, requestId, claims }: SignInInfo): object {
    return { sub, members: Object.keys(tokens), requestId, aud: claims.aud };
  }

  @UseGuards(GenAuthPasswordGuard)
  @HttpCode(200)
  @Post('own')
  own(@CurrentUser('sub') sub: string, @AuthInfo() info: SignInInfo): object {
    return this.bare(sub, info);
  }
}
const login = (url: string, headers = {}): ReturnType<typeof send> =>
  send(url, { method: 'POST', body: { account: 'alice', password: 'passw0rd' }, headers });

describe.each(Object.keys(PLATFORMS) as Platform[])('a login on %s', (platform) => {
  it.each([
    ['has the user and the info, and the client address of the trusted proxy', 'loopback', '203.0.113.7'],
    ['ignores the headers of a proxy that is not trusted', undefined, '127.0.0.1'],
  ])('%s', async (_title, trustProxy, clientIp) => {
    const metadata = { imports: [GenAuthModule.forRoot(issuer().clientOptions)], controllers: [LoginController] };
    const { url, close } = await startNestApp(platform, metadata, trustProxy === undefined ? {} : { trustProxy });
    const headers = { 'x-forwarded-for': '203.0.113.7', 'x-real-ip': '198.51.100.1' };
    const answers = [await login(`${url}/own`, headers), await login(`${url}/bare`, headers)];
    await close();
    const members = expect.arrayContaining(['idToken', 'accessToken']) as unknown;
    const { appId } = issuer().clientOptions;
    const expected = { status: 200, body: { sub: SUBJECT, members, requestId: 'request-1', aud: appId } };
    expect(answers).toMatchObject([expected, expected]);
    expect(lastSignIn(issuer()).options['clientIp']).toBe(clientIp);
  });
});

it.each<
  [
    title: string,
    verify: (done: (error: unknown, user?: false) => void) => void | Promise<void>,
    status: number,
    body: object,
  ]
>([
  [
    'answers 403 if the function verify of the strategy refuses the user',
    (done) => done(null, false),
    403,
    { statusCode: 403, error: 'Forbidden', code: 'verify_denied' },
  ],
  [
    'answers 500 if the function verify of the strategy fails',
    () => Promise.reject(new Error('no database')),
    500,
    { statusCode: 500, message: 'Internal server error' },
  ],
])('%s', async (_title, verify, status, body) => {
  const strategy = new GenAuthPasswordStrategy(issuer().clientOptions, (...args) => verify(args[3]));
  const { url, close } = await startNestApp('Express', {
    providers: [{ provide: GenAuthPasswordStrategy, useValue: strategy }],
    controllers: [LoginController],
  });
  const answer = await login(`${url}/own`);
  await close();
  expect(answer).toMatchObject({ status, body });
});

it.each([['GenAuthPasswordGuard', GenAuthPasswordGuard] as const, ['GenAuthAdGuard', GenAuthAdGuard] as const])(
  '%s has one class for each name',
  (_title, Guard) => {
    expect(Guard.named('genauth')).toBe(Guard);
    expect(Guard.named('staff')).toBe(Guard.named('staff'));
    expect(Guard.named('people')).not.toBe(Guard.named('staff'));
  },
);
