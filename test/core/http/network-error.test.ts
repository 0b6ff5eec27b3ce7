import { connect } from 'node:net';
import { once } from 'node:events';
import { describeNetworkFault } from '../../../src/core/http/network-error.js';

type Lookup = (host: string, options: object, callback: (error: null, addresses: object[]) => void) => void;

it('names each address of a host and its error', async () => {
  const lookup: Lookup = (_host, _options, callback) =>
    callback(null, [
      { address: '127.0.0.1', family: 4 },
      { address: '::1', family: 6 },
    ]);
  const socket = connect({ host: 'both.example', port: 1, lookup: lookup as never, autoSelectFamily: true });
  const [error] = (await once(socket, 'error').catch((thrown: unknown) => [thrown])) as [unknown];
  const message = expect.stringMatching(/^127\.0\.0\.1:1 ECONNREFUSED, \[::1\]:1 E\w+$/);
  expect(describeNetworkFault(error)).toEqual({ code: 'ECONNREFUSED', message });
});

it.each<[unknown, object]>([
  [
    Object.assign(new Error('certificate of "a\n\u001B[2Jb"'), { code: 'X' }),
    { code: 'X', message: 'certificate of "a  [2Jb"' },
  ],
  [
    new AggregateError([new Error('one'), { code: 'TWO', address: '10.0.0.1', port: 443 }]),
    { message: 'one, 10.0.0.1:443 TWO' },
  ],
  [
    new Error('write EPROTO 80A7:error:0A00042E:SSL routines:ssl3_read_bytes:tlsv1 alert protocol version:../x.c:1:\n'),
    { message: 'tlsv1 alert protocol version' },
  ],
  [undefined, { message: 'unknown error' }],
  [{}, { message: 'unknown error' }],
])('describes %p without control characters', (error, expected) => {
  expect(describeNetworkFault(error)).toEqual({ code: undefined, ...expected });
});
