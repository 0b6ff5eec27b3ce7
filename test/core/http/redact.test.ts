import { redactBody, redactText } from '../../../src/core/http/redact.js';

const SECRET = 'p"ä ss&w\\rd/+<\'>??';
const FORMS = [
  SECRET,
  JSON.stringify(SECRET).slice(1, -1),
  encodeURIComponent(SECRET),
  new URLSearchParams({ p: SECRET }).toString().slice(2),
  'p&quot;ä ss&amp;w\\rd/+&lt;&#39;&gt;??',
  Buffer.from(SECRET).toString('base64'),
  Buffer.from(SECRET).toString('base64url'),
];

const redacted = '(redacted: it repeats a secret)';

it.each(FORMS)('redactBody replaces each echoed text that contains the secret in the form %s', (form) => {
  const body = { message: `wrong: ${form}`, requestId: form, error: `x${form}`, data: { kept: form } };
  const expected = { message: redacted, requestId: redacted, error: redacted, data: { kept: form } };
  expect(redactBody(body, [undefined, '', SECRET])).toEqual(expected);
});

it('redactBody replaces only texts with a secret of letters and digits, or with half a surrogate pair', () => {
  const body = { message: 'Passw0rd', error: 'wrong', requestId: 'a \uD800 b' };
  const expected = { message: redacted, error: 'wrong', requestId: redacted };
  expect(redactBody(body, ['other', 'Passw0rd', '\uD800'])).toEqual(expected);
});

it.each<[unknown]>([
  [{ message: 'wrong', error: '', statusCode: 403, data: SECRET }],
  [SECRET],
  [{ message: { text: SECRET } }],
  [Object.create({ message: SECRET })],
  [{ message: 'undefined' }],
  [{ message: 'Account not exists or password is incorrect.' }],
  [{ message: 'Password is incorrect.', error: '' }],
  [{ error: 'invalid_grant' }],
  [{ error: 'temporarily_unavailable' }],
])('redactBody returns %j unchanged', (body) => {
  expect(redactBody(body, [undefined, SECRET, 'password', 'Password', 'is', 'a'])).toBe(body);
});

it('redactText replaces every form of every secret, the longest secret first', () => {
  expect(redactText(FORMS.join(' | '), [SECRET])).toMatch(/^(\[hidden\]=* \| ){6}\[hidden\]=*$/);
  expect(redactText('abcdef abc', ['abc', 'abcdef'], '*')).toBe('* *');
});
