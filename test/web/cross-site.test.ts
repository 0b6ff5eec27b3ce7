import { checkSameSite } from '../../src/web/cross-site.js';
import { catchThrown } from '../support/thrown.js';

const HOST = 'app.example:8443';
const OWN = `https://${HOST}`;
const request = (headers: object, method = 'POST') => ({ method, headers: { host: HOST, ...headers } });

it.each<[title: string, headers: object, method?: string]>([
  ['of the own page', { 'sec-fetch-site': 'same-origin', origin: OWN }],
  ['of the end user', { 'sec-fetch-site': 'none' }],
  ['of a program', {}],
  ['of the own page in an old browser', { origin: OWN }],
  ['behind a proxy that ends TLS', { origin: `http://${HOST}` }],
  ['for a page, from another site', { 'sec-fetch-site': 'cross-site' }, 'GET'],
  ['before a request of another site', { origin: 'https://evil.example' }, 'OPTIONS'],
])('accepts a request %s', (_title, headers, method = 'POST') => {
  expect(() => checkSameSite(request(headers, method))).not.toThrow();
});

it.each<[title: string, headers: object, method?: string]>([
  ['of another site', { 'sec-fetch-site': 'cross-site', origin: OWN }],
  ['of a sibling domain', { 'sec-fetch-site': 'same-site', origin: 'https://blog.example' }],
  ['with an unknown value', { 'sec-fetch-site': 'same-origin, cross-site' }],
  ['of another site in an old browser', { origin: 'https://evil.example' }],
  ['of another port', { origin: 'https://app.example' }],
  ['of a sandbox', { origin: 'null' }],
  ['with an origin that is no address', { origin: HOST }],
  ['with another method', { 'sec-fetch-site': 'cross-site' }, 'DELETE'],
  ['with a method in lower case', { 'sec-fetch-site': 'cross-site' }, 'get'],
])('refuses a request %s', (_title, headers, method = 'POST') => {
  const error = catchThrown(() => checkSameSite(request(headers, method)));
  expect(error).toMatchObject({ name: 'AuthorizationError', code: 'cross_site_request', statusCode: 403 });
});
