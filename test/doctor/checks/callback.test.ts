import { checkCallback } from '../../../src/doctor/checks/callback.js';
import { APP_ID, useIssuer } from '../../support/issuer.js';
import { SECRET, environmentOf, expectFindings, useContexts, useEmulators } from '../support.js';
import { runDoctor } from '../../../src/doctor/run-doctor.js';

const CALLBACK = 'https://app.example.com/auth/genauth/callback';
const PAGE = '/oidc/auth';
const issuer = useIssuer();
const emulate = useEmulators();
const createContext = useContexts();

/** Checks a callback URL at the issuer, with this member of the discovery document. */
function check(callbackUrl: string | undefined = CALLBACK, endpoint?: unknown) {
  const context = createContext({ appHost: issuer().url, timeout: 500 }, { callbackUrl });
  context.discovery = endpoint === undefined ? {} : { authorization_endpoint: endpoint };
  return checkCallback(context);
}
const redirect = (location: string, path = PAGE): void => issuer().reply(path, { status: 302, headers: { location } });

it.each([
  [[CALLBACK], CALLBACK, 'ok callback', `sign-in page for the callback URL "${CALLBACK}"`],
  [[`${CALLBACK}/`], CALLBACK, 'callback_refused @ login callback URL', `as exactly this text: ${CALLBACK}`],
  [['https://app.example.com'], 'http://localhost:3000/callback', 'callback_refused @ login callback URL', 'HTTP 400'],
])('an application with the callback URLs %j, and %s', async (redirectUris, callbackUrl, outline, part) => {
  const emulator = await emulate({ redirectUris });
  const report = await runDoctor({ env: environmentOf(emulator), callbackUrl });
  expectFindings(
    report.findings.filter((finding) => finding.check === 'callback'),
    outline,
    part,
  );
});

it('sends an authorization request that GenAuth documents, and makes no sign-in', async () => {
  redirect('/login?app_id=x');
  expectFindings(await check(CALLBACK, `${issuer().url}${PAGE}`), 'ok callback');
  const [request] = issuer().requests;
  expect(Object.fromEntries(new URL(request?.path ?? '', 'http://x').searchParams)).toEqual({
    client_id: APP_ID,
    redirect_uri: CALLBACK,
    response_type: 'code',
    scope: 'openid profile',
    state: expect.stringMatching(/^[\w-]{43}$/) as string,
    nonce: expect.stringMatching(/^[\w-]{43}$/) as string,
    code_challenge: expect.stringMatching(/^[\w-]{43}$/) as string,
    code_challenge_method: 'S256',
    prompt: 'login',
  });
});

it.each([
  [
    'an error in the callback',
    `${CALLBACK}?error=unauthorized_client&state=x`,
    'authorization_refused @ authorization mode',
  ],
  ['an error page', '/oidc/error?error=redirect_uri_mismatch', 'authorization_refused @ authorization mode'],
  ['a page of another host', 'https://sso.example.com/login', 'ok callback'],
  ['a location that is no URL', 'https://[', 'callback_unclear'],
])('%s', async (_title, location, outline) => {
  redirect(location);
  expectFindings(await check(), outline);
});

it.each([
  [404, 'callback_refused @ login callback URL'],
  [429, 'callback_unclear'],
  [200, 'callback_unclear'],
  [502, 'callback_unclear'],
])('HTTP %d', async (status, outline) => {
  issuer().reply(PAGE, { status });
  expectFindings(await check(), outline, `HTTP ${status}`);
});

it('no response', async () => {
  issuer().reply(PAGE, { reset: true });
  expectFindings(await check(), 'callback_unclear', 'no response (ECONNRESET)');
});

it('no callback URL', async () => {
  const context = createContext({ appHost: issuer().url });
  expectFindings(await checkCallback(context), 'skipped callback_not_given', '--callback-url URL');
});

it.each([
  ['/callback', 'is "/callback"'],
  ['http://app.example.com/callback', 'write https://'],
  ['app.example.com', 'write a full address, "https://app.example.com"'],
  ['javascript:alert(1)', 'is "javascript:alert(1)"'],
  [`${CALLBACK}#a`, 'has a query or a fragment'],
  ['https://user:canary@app.example.com/', 'contains a user name or a password'],
  [` ${CALLBACK}`, 'remove the white space'],
])('the callback URL %s', async (callbackUrl, part) => {
  const found = await check(callbackUrl);
  expectFindings(found, 'callback_invalid', part);
  expect(JSON.stringify(found)).not.toContain('canary');
  expect(issuer().requests).toEqual([]);
});

it('requests the authorization_endpoint of the discovery document, and names the option', async () => {
  const path = `/${APP_ID}${PAGE}`;
  redirect('/login', path);
  const found = await check(CALLBACK, issuer().url + path);
  const outline = ['authorization_endpoint_other @ endpoint information', 'ok callback'];
  expectFindings(found, outline, `authorizationEndpoint: 'http://HOST${path}'`);
});

it.each(['https://evil.example.com/oidc/auth', 'nonsense', 7])('never requests the endpoint %s', async (endpoint) => {
  redirect('/login');
  const outline = ['authorization_endpoint_other @ endpoint information', 'ok callback'];
  expectFindings(await check(CALLBACK, endpoint), outline, 'Set appHost to the host of the hosted page.');
});

it('shows no secret that the callback URL contains', async () => {
  redirect('/login');
  expectFindings(await check(`${CALLBACK}/${SECRET}`), 'ok callback');
});
