import {
  findAuthorization,
  toSingleValue,
  withAuthorization,
} from '../../../src/nest/contexts/authorization-header.js';

it.each<[title: string, source: Record<string, unknown>, authorization: unknown]>([
  ['reads the member in lower case', { authorization: 'a' }, 'a'],
  ['reads the member as in HTTP', { Authorization: 'a' }, 'a'],
  ['ignores other spellings', { AUTHORIZATION: 'a' }, undefined],
  ['returns the values of two spellings', { authorization: 'a', Authorization: 'b' }, ['a', 'b']],
  ['ignores another member', { 'x-authorization': 'a' }, undefined],
  ['ignores the prototype', Object.create({ authorization: 'a' }) as Record<string, unknown>, undefined],
])('findAuthorization %s', (_title, source, authorization) => {
  expect(findAuthorization(source)).toEqual(authorization);
});

it('findAuthorization does not go through the members of a large object', () => {
  const source = new Proxy(
    { authorization: 'a' },
    {
      ownKeys: () => {
        throw new Error('The keys were listed.');
      },
    },
  );
  expect(findAuthorization(source)).toBe('a');
});

it.each<[value: unknown, single: unknown]>([
  [['a'], 'a'],
  [
    ['a', 'b'],
    ['a', 'b'],
  ],
  [[undefined, null, '', 'a'], 'a'],
  [[], undefined],
  [7, 7],
  [{}, {}],
  [Buffer.from('é', 'latin1'), 'é'],
])('toSingleValue converts %j to %j', (value, single) => {
  expect(toSingleValue(value)).toEqual(single);
});

describe('withAuthorization', () => {
  const rest = { ip: '::1', socket: {} };
  const rawHeaders = ['authorization', 'a', 'Authorization', 'b'];
  const request = { headers: { authorization: 'a', host: 'h' }, rawHeaders, ...rest };

  it('returns the request itself if there is nothing to add', () => {
    expect(withAuthorization(request, undefined)).toBe(request);
  });

  it.each<[title: string, args: Parameters<typeof withAuthorization>, result: object]>([
    ['adds a body and keeps two headers', [request, undefined, 'text'], { ...request, body: 'text' }],
    ['keeps the body of the request', [{ ...request, body: 1 }, undefined, 2], { ...request, body: 1 }],
    ['replaces the header', [request, 7], { ...rest, headers: { authorization: 7, host: 'h' } }],
    ['adds headers', [{}, undefined], { headers: {} }],
  ])('%s', (_title, args, result) => {
    expect(withAuthorization(...args)).toEqual(result);
  });
});
