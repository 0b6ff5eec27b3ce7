import { redactBody, redactText } from '../../../src/core/http/redact.js';

const SECRET = 'p"ä ss&w\\rd/+';
const FORMS = [
  SECRET,
  JSON.stringify(SECRET).slice(1, -1),
  encodeURIComponent(SECRET),
  new URLSearchParams({ p: SECRET }).toString().slice(2),
];

describe('redactBody', () => {
  it.each(FORMS)('replaces a whole text that repeats a secret: %s', (form) => {
    const body = { message: `wrong: ${form}`, requestId: form, error: `x${form}`, data: { kept: form } };
    const redacted = '(redacted: it repeats a secret)';
    expect(redactBody(body, [undefined, '', SECRET])).toEqual({
      message: redacted,
      requestId: redacted,
      error: redacted,
      data: { kept: form },
    });
  });

  it.each<[string, unknown]>([
    ['a text without a secret', { message: 'wrong', statusCode: 403 }],
    ['a list', [SECRET]],
    ['a text', SECRET],
    ['no body', undefined],
    ['a message that is no text', { message: { text: SECRET } }],
  ])('leaves %s as it is', (_name, body) => {
    expect(redactBody(body, [SECRET])).toBe(body);
  });

  it('leaves everything if there is no secret', () => {
    const body = { message: 'undefined' };
    for (const secrets of [[], [undefined], ['']]) expect(redactBody(body, secrets)).toBe(body);
  });

  it('takes a secret that is half a surrogate pair', () => {
    expect(redactBody({ message: 'a \uD800 b' }, ['\uD800'])).toEqual({ message: expect.stringContaining('redacted') });
  });
});

describe('redactText', () => {
  it('replaces every form of every secret', () => {
    expect(redactText(FORMS.join(' | '), [SECRET])).toBe('[hidden] | [hidden] | [hidden] | [hidden]');
  });

  it('leaves no part of a secret that contains another', () => {
    expect(redactText('abcdef', ['abc', 'abcdef'])).toBe('[hidden]');
  });
});
