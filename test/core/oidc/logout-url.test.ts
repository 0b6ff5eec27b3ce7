import { type LogoutParameters, buildLogoutUrl } from '../../../src/core/oidc/logout-url.js';
import { findLeaks } from '../../support/leak.js';
import { catchThrown } from '../../support/thrown.js';

const HOST = 'https://example.genauth.ai';
const ALL = { idToken: 'aa.bb.cc', postLogoutRedirectUri: 'https://app.example/bye?x=1&y=#z', state: 'a&b=c d' };
const REDIRECT = 'post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye%3Fx%3D1%26y%3D%23z';

it.each<[string, LogoutParameters, string]>([
  ['no parameter', {}, ''],
  ['an empty id_token', { idToken: '' }, ''],
  ['an empty state', { state: '' }, '?state='],
  ['all parameters, escaped', ALL, `?id_token_hint=aa.bb.cc&${REDIRECT}&state=a%26b%3Dc+d`],
])('builds the URL with %s', (_name, parameters, query) => {
  expect(buildLogoutUrl(HOST, parameters)).toBe(`${HOST}/oidc/session/end${query}`);
});

it.each(['https://app.example', 'http://localhost:3000/', 'http://[::1]/', 'com.example.app:/bye'])(
  'accepts the postLogoutRedirectUri %s',
  (postLogoutRedirectUri) => {
    const { searchParams } = new URL(buildLogoutUrl(HOST, { idToken: 'aa.bb.cc', postLogoutRedirectUri }));
    expect(searchParams.get('post_logout_redirect_uri')).toBe(postLogoutRedirectUri);
  },
);

const HINT = 'write client.buildLogoutUrl({ idToken })';
it.each<[unknown, string, string, string]>([
  [{ idTokn: 'aa.bb.cc' }, 'idTokn', 'is not a parameter of buildLogoutUrl', 'write idToken'],
  [
    { redirectUri: 'https://a.example' },
    'redirectUri',
    'is not a parameter of buildLogoutUrl',
    'write postLogoutRedirectUri',
  ],
  [{ id_token: 'aa.bb.cc' }, 'id_token', 'is not a parameter of buildLogoutUrl', 'write idToken'],
  ['aa.bb.cc', 'parameters', 'are of type string', HINT],
  [null, 'parameters', 'are null', HINT],
])('refuses the parameters %j without showing a token', (parameters, option, problem, fix) => {
  const error = catchThrown(() => buildLogoutUrl(HOST, parameters as LogoutParameters));
  expect(error).toMatchObject({ code: 'invalid_options', details: { mistakes: [{ option, problem, fix }] } });
  expect(findLeaks(error, ['aa.bb.cc'])).toEqual([]);
});

it.each<[string, LogoutParameters]>([
  ['with an empty id_token', { idToken: '', postLogoutRedirectUri: 'https://app.example' }],
  ['that is a path', { ...ALL, postLogoutRedirectUri: '/bye' }],
  ['that runs code', { ...ALL, postLogoutRedirectUri: 'javascript:alert(1)' }],
  ['that holds data', { ...ALL, postLogoutRedirectUri: 'data:text/html,x' }],
  ['without encryption', { ...ALL, postLogoutRedirectUri: 'http://app.example/' }],
  ['with a scheme that any app can have', { ...ALL, postLogoutRedirectUri: 'myapp://bye' }],
])('refuses a postLogoutRedirectUri %s', (_name, parameters) => {
  const error = catchThrown(() => buildLogoutUrl(HOST, parameters));
  const mistake = { option: 'postLogoutRedirectUri', problem: `is "${parameters.postLogoutRedirectUri}"` };
  expect(error).toMatchObject({ code: 'invalid_options', details: { mistakes: [mistake] } });
  expect(findLeaks(error, ['aa.bb.cc'])).toEqual([]);
});
