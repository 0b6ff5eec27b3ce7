import { type Socket, connect as connectTcp } from 'node:net';
import { GenAuthClient } from '../../../src/core/client.js';
import { Http, type HttpRequest, type HttpSettings } from '../../../src/core/http/http.js';
import { CertificateAuthority } from '../../support/certificate.js';
import { findLeaks } from '../../support/leak.js';
import { catchError, Gate } from '../../support/promise.js';
import { createRsaKey } from '../../support/rsa-key.js';
import { type Conversation, type TcpServer, answering, toAnswer, useTcpServers } from '../../support/tcp-server.js';
import { buildToken } from '../../support/token.js';

const PASSWORD = 'canary-Passw0rd';
const PROXY_PASSWORD = 'canary-pr@xy:pa$$';
const PROXY_AUTHORIZATION = `Basic ${Buffer.from(`proxy-user:${PROXY_PASSWORD}`).toString('base64')}`;
const POST: HttpRequest = { method: 'POST', path: '/api/v3/signin', body: { password: PASSWORD }, maxBytes: 4096 };

const serve = useTcpServers();
const clients: Http[] = [];
function connect(origin: string, settings: Partial<HttpSettings>): Http {
  const http = new Http({ origin, timeout: 10_000, ca: undefined, proxy: undefined, ...settings });
  clients.push(http);
  return http;
}
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

const authority = new CertificateAuthority();
const certificate = authority.issue({ hosts: ['localhost', '127.0.0.1'] });
const ANSWER = answering(200, {}, '{"a":1}');

/** By name: Node warns of TLS to an address through a proxy. */
const named = ({ port }: TcpServer): string => `https://localhost:${port}`;
const withPassword = (url: string): string => url.replace('//', `//proxy-user:${encodeURIComponent(PROXY_PASSWORD)}@`);

/** A proxy's part: opens the tunnel to where CONNECT says, and takes no further part in what is said. */
const tunnel: Conversation = (socket: Socket, received: string) => {
  const port = /^CONNECT localhost:(\d+) HTTP\/1\.1\r\n/.exec(received)?.[1];
  if (!received.endsWith('\r\n\r\n') || port === undefined || socket.listenerCount('data') > 1) return;
  const target = connectTcp(Number(port), '127.0.0.1', () => {
    socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
    socket.pipe(target).pipe(socket);
  });
  target.on('error', () => socket.destroy());
  socket.on('close', () => target.destroy());
};

describe('a proxy before plain http', () => {
  it('is passed by: plain http is for this machine alone', async () => {
    const origin = await serve(ANSWER);
    const proxy = await serve(ANSWER);
    expect(await connect(origin.url, { proxy: proxy.url }).request(POST)).toMatchObject({
      status: 200,
      body: { a: 1 },
    });
    expect(proxy.connections).toBe(0);
  });
});

describe('a proxy before https', () => {
  it('gets CONNECT and its password, and then sees TLS alone; the host never sees the proxy’s password', async () => {
    const origin = await serve(ANSWER, certificate);
    const proxy = await serve(tunnel);
    const http = connect(named(origin), { proxy: withPassword(proxy.url), ca: authority.cert });
    expect(await http.request(POST)).toMatchObject({ status: 200, body: { a: 1 } });
    const [head = '', ...rest] = (proxy.received[0] ?? '').split('\r\n\r\n');
    expect(head).toMatch(new RegExp(`^CONNECT localhost:${origin.port} HTTP/1\\.1\r\n`));
    expect(head).toContain(`proxy-authorization: ${PROXY_AUTHORIZATION}`);
    expect(findLeaks(rest, [PASSWORD, POST.path])).toEqual([]);
    expect(origin.received[0]).toMatch(/^POST \/api\/v3\/signin HTTP\/1\.1\r\n/);
    expect(origin.received[0]?.toLowerCase()).not.toContain('proxy-');
  });

  it('without user and password gets no Proxy-Authorization; one tunnel serves several exchanges', async () => {
    const origin = await serve(ANSWER, certificate);
    const proxy = await serve(tunnel);
    const http = connect(named(origin), { proxy: proxy.url, ca: authority.cert });
    await http.request(POST);
    await http.request(POST);
    expect(proxy.received[0]?.toLowerCase()).not.toContain('authorization');
    expect([proxy.connections, origin.connections]).toEqual([1, 1]);
  });

  it('that speaks TLS is verified like any host', async () => {
    const origin = await serve(ANSWER, certificate);
    const proxy = await serve(tunnel, certificate);
    const byName = `https://localhost:${proxy.port}`;
    expect(await connect(named(origin), { proxy: byName, ca: authority.cert }).request(POST)).toMatchObject({
      status: 200,
    });
    const error = await catchError(connect(named(origin), { proxy: byName }).request(POST));
    expect(error).toMatchObject({ cause: { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' } });
    expect(origin.connections).toBe(1);
  });

  it('that is not there: upstream_unreachable, without its password in the error', async () => {
    const proxy = await serve();
    await proxy.close();
    const error = await catchError(connect('https://localhost:9', { proxy: withPassword(proxy.url) }).request(POST));
    expect(error).toMatchObject({ code: 'upstream_unreachable', cause: { code: 'ECONNREFUSED' } });
    expect(findLeaks(error, [PASSWORD, PROXY_PASSWORD, 'proxy-user'])).toEqual([]);
  });

  it('may be at an IPv6 address', async () => {
    const error = await catchError(connect('https://localhost:9', { proxy: 'http://[::1]:9' }).request(POST));
    expect(error).toMatchObject({ cause: { code: expect.stringMatching(/^(ECONNREFUSED|EADDRNOTAVAIL)$/) } });
  });

  // The first two would pass for an answer of the host itself where the proxy's words are passed on.
  it.each([
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n',
    'HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\n',
    'HTTP/1.1 201 Created\r\n',
    'HTTP/1.1 407 Proxy Authentication Required\r\n',
    'HTTP/1.1 200 OK\r\n',
  ])('that answers CONNECT with %j and a body is not believed', async (head) => {
    const body = '{"keys":["forged"]}';
    const proxy = await serve((socket) => socket.write(`${head}content-length: ${body.length}\r\n\r\n${body}`));
    const error = await catchError(connect('https://localhost:9', { proxy: proxy.url }).request(POST));
    expect(error).toMatchObject({ code: 'upstream_unreachable' });
    expect(findLeaks(proxy.received, [PASSWORD])).toEqual([]);
  });

  it('cannot forge a token: not one byte that it says is GenAuth’s', async () => {
    const forger = createRsaKey({ kid: 'forged' });
    const appHost = 'https://tenant.example';
    const proxy = await serve((socket) => {
      const document = { issuer: `${appHost}/oidc`, jwks_uri: `${appHost}/keys`, keys: [forger.jwk] };
      socket.write('HTTP/1.1 100 Continue\r\n\r\n');
      socket.write(toAnswer(200, {}, JSON.stringify(document)));
    });
    const client = new GenAuthClient({ appId: 'app', appSecret: 'secret', appHost, proxy: proxy.url });
    const iat = Math.floor(Date.now() / 1000);
    const claims = { iss: `${appHost}/oidc`, sub: 'admin', aud: 'app', iat, exp: iat + 60, scope: 'openid' };
    const token = buildToken({ alg: 'RS256', kid: 'forged' }, claims, forger.privateKey);
    expect(await catchError(client.verifyAccessToken(token))).toMatchObject({ code: 'upstream_unreachable' });
    client.close();
  });

  it('that says nothing to CONNECT: the connection is given up at the deadline', async () => {
    const proxy = await serve();
    const http = connect('https://localhost:9', { proxy: proxy.url, timeout: 100 });
    expect(await catchError(http.request(POST))).toMatchObject({ code: 'upstream_timeout' });
    await proxy.idle();
  });

  it('that hangs up is noticed at once', async () => {
    const proxy = await serve((socket) => socket.end());
    const http = connect('https://localhost:9', { proxy: proxy.url });
    expect(await catchError(http.request(POST))).toMatchObject({ code: 'upstream_unreachable' });
  });

  it('close() ends what waits for a tunnel', async () => {
    const arrived = new Gate();
    const proxy = await serve(() => arrived.open());
    const http = connect('https://localhost:9', { proxy: proxy.url });
    const failing = catchError(http.request(POST));
    await arrived.opened;
    http.close();
    expect(await failing).toMatchObject({ code: 'upstream_unreachable' });
    await proxy.idle();
  });

  it.each<[string, () => Promise<TcpServer>, string | undefined]>([
    ['a certificate of nobody’s', () => serve(ANSWER, certificate), undefined],
    ['another host’s certificate', () => serve(ANSWER, authority.issue()), authority.cert],
  ])('does not make %s good: refused, and nothing is sent', async (_, start, ca) => {
    const origin = await start();
    const proxy = await serve(tunnel);
    const error = await catchError(connect(named(origin), { proxy: withPassword(proxy.url), ca }).request(POST));
    expect(error).toMatchObject({ code: 'upstream_unreachable', statusCode: 503 });
    expect(findLeaks(error, [PASSWORD, PROXY_PASSWORD])).toEqual([]);
    expect(origin.received.join('')).toBe('');
  });

  it('that opens no tunnel but answers the handshake in the clear is not believed', async () => {
    const proxy = await serve((socket, received) => {
      const isConnect = received.endsWith('\r\n\r\n');
      socket.write(isConnect ? 'HTTP/1.1 200 Connection established\r\n\r\n' : toAnswer(200, {}, '{"a":1}'));
    });
    const error = await catchError(connect('https://localhost:9', { proxy: proxy.url }).request(POST));
    expect(error).toMatchObject({ code: 'upstream_unreachable', cause: { code: 'EPROTO' } });
    expect(findLeaks(proxy.received, [PASSWORD])).toEqual([]);
  });
});

describe('the environment’s proxies', () => {
  const NAMES = [
    'HTTP_PROXY',
    'http_proxy',
    'HTTPS_PROXY',
    'https_proxy',
    'ALL_PROXY',
    'all_proxy',
    'NO_PROXY',
    'no_proxy',
  ];
  const kept = NAMES.map((name) => [name, process.env[name]] as const);
  afterEach(() => {
    for (const [name, value] of kept) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  it('are not asked', async () => {
    const proxy = await serve();
    for (const name of NAMES) process.env[name] = name.toLowerCase() === 'no_proxy' ? '' : proxy.url;
    const plain = await serve(ANSWER);
    const secure = await serve(ANSWER, certificate);
    expect(await connect(plain.url, {}).request(POST)).toMatchObject({ status: 200 });
    expect(await connect(secure.url, { ca: authority.cert }).request(POST)).toMatchObject({ status: 200 });
    expect(proxy.connections).toBe(0);
  });

  it('are not asked whether the configured proxy may be passed by (NO_PROXY)', async () => {
    for (const name of ['NO_PROXY', 'no_proxy']) process.env[name] = '*';
    const proxy = await serve(tunnel);
    const origin = await serve(ANSWER, certificate);
    await connect(named(origin), { proxy: proxy.url, ca: authority.cert }).request(POST);
    expect(proxy.connections).toBe(1);
  });
});
