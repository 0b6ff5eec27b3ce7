import { ConfigurationError } from '../../src/core/errors.js';
import { PROXY_PASSWORD, PROXY_USER } from '../support/canary.js';
import { ALICE, SECRET, useContexts } from './support.js';

const createContext = useContexts();

test.each([
  ['a value of 511 characters', 'x'.repeat(511), 'x'.repeat(511)],
  ['a value of 512 characters', 'x'.repeat(512), '<value>'],
  ['each character of an address', 'http://[::1]:1/a-b_c~d?e=f,g@h%20+i.j', 'http://[::1]:1/a-b_c~d?e=f,g@h%20+i.j'],
  ['a quote', "a'b", '<value>'],
  ['an empty string', '', '<value>'],
  ['a value that is not a string', 5, '<value>'],
])('copies %s into a line of code or a shell, or shows a placeholder', (_title, value, shown) => {
  expect(createContext().literal(value, '<value>')).toBe(shown);
});

test.each([SECRET, ALICE.password, PROXY_PASSWORD, 'later-secret'])('hides the secret %s', (secret) => {
  const context = createContext({ proxy: `http://${PROXY_USER}proxy.example` }, { signIns: [ALICE] });
  context.hide('later-secret', undefined);
  expect(context.quote(`<${secret}>`)).toBe('"<[hidden]>"');
  expect(context.describe(new Error(`<${secret}>`))).toBe('<[hidden]>');
});

test.each([
  [{ statusCode: 403, apiCode: 2333, requestId: 'r' }, 'statusCode 403, apiCode 2333, request ID "r".'],
  [{ statusCode: 500, apiCode: undefined, requestId: undefined }, 'statusCode 500, no apiCode, no request ID.'],
])('describes an error by the codes of the answer %j', (answer, text) => {
  const error = new ConfigurationError('app_not_found', 'The message is not shown.', { answer });
  expect(createContext().describe(error)).toBe(`GenAuth answered ${text}`);
});
