import { send } from '../support/nest-app.js';
import { SAMPLES, startSample } from '../support/sample.js';

const PASSWORD = 'passw0rd';
const AD_PASSWORD = 'AdPassw0rd';

/** Prints a line for every write to a socket that holds the password: what the process sends, wherever to. */
const WATCH_SOCKETS = `data:text/javascript,${encodeURIComponent(`
  import { Socket } from 'node:net';
  const { _write, _writev } = Socket.prototype;
  const look = (chunk) => { if (${JSON.stringify([PASSWORD, AD_PASSWORD])}.some((each) => Buffer.from(chunk).includes(each))) console.log('the password was sent'); };
  Socket.prototype._write = function (chunk, ...rest) { look(chunk); return _write.call(this, chunk, ...rest); };
  Socket.prototype._writev = function (chunks, ...rest) { look(Buffer.concat(chunks.map((each) => Buffer.from(each.chunk, each.encoding === 'buffer' ? undefined : each.encoding)))); return _writev.call(this, chunks, ...rest); };
`)}`;

describe.each(SAMPLES)('the sample app %s with GENAUTH_PASSWORD_ENCRYPT_TYPE', (name) => {
  it.each([
    ['rsa', 0],
    ['sm2', 0],
    // Shows that the watch would see it.
    ['none', 2],
  ])('%s signs alice in, and sends the password in the clear %d times', async (type, times) => {
    const sample = await startSample(name, {
      GENAUTH_PASSWORD_ENCRYPT_TYPE: type,
      NODE_OPTIONS: `--import ${WATCH_SOCKETS}`,
    });
    try {
      for (const [path, body] of [
        ['/auth/login', { account: 'alice', password: PASSWORD }],
        ['/auth/login/ad', { sAMAccountName: 'zhangsan', password: AD_PASSWORD }],
      ] as const) {
        expect((await send(`${sample.url}${path}`, { method: 'POST', body })).status).toBe(200);
      }
      // Only when it has ended all that it wrote has arrived.
      await sample.process.stop();
      expect(sample.process.output().match(/the password was sent/g) ?? []).toHaveLength(times);
    } finally {
      await sample.process.stop();
    }
  });
});

it.each(['RS256', 'HS256'])('the sample app signs in with GENAUTH_ID_TOKEN_ALG=%s', async (algorithm) => {
  const sample = await startSample('main', { GENAUTH_ID_TOKEN_ALG: algorithm });
  try {
    const { status, body } = await send(`${sample.url}/auth/login`, {
      method: 'POST',
      body: { account: 'bob', password: PASSWORD },
    });
    expect(status).toBe(200);
    const [header = ''] = String(body['idToken']).split('.');
    expect(JSON.parse(Buffer.from(header, 'base64url').toString())).toMatchObject({ alg: algorithm });
  } finally {
    await sample.process.stop();
  }
});
