import { type Socket, connect as connectTcp } from 'node:net';
import { runDoctor } from '../../../src/doctor/run-doctor.js';
import type { GenAuthOptions } from '../../../src/core/options/types.js';
import { PROXY_PASSWORD, PROXY_USER } from '../../support/canary.js';
import { CertificateAuthority } from '../../support/certificate.js';
import { DISCOVERY_PATH, JWKS_PATH, useIssuer } from '../../support/issuer.js';
import { type Conversation, toAnswer, useTcpServers } from '../../support/tcp-server.js';
import { SECRET, expectDecent, listProblems } from '../support.js';

const serve = useTcpServers();
const issuer = useIssuer();
const authority = new CertificateAuthority();
const DAY = 86_400_000;

async function examine(options: Partial<GenAuthOptions>, env: Record<string, string> = {}, now?: () => number) {
  const given = { ...issuer().clientOptions, appSecret: SECRET, ...options };
  const report = await runDoctor({ options: given, env }, now === undefined ? {} : { now });
  expectDecent(report);
  return { problems: listProblems(report), report };
}

/** A tenant at whatever address it is asked for. */
const tenant: Conversation = (socket, received) => {
  const [, method, path] = /^(GET|POST) (\S+) /.exec(received) ?? [];
  if (!received.includes('\r\n\r\n') || path === undefined || socket.listenerCount('data') > 1) return;
  const host = `https://${/\r\nhost: ([^\r]*)/i.exec(received)?.[1]}`;
  const bodies: Record<string, object> = {
    [DISCOVERY_PATH]: { issuer: `${host}/oidc`, jwks_uri: host + JWKS_PATH },
    [JWKS_PATH]: { keys: [issuer().key.jwk] },
    '/oidc/token': { error: 'invalid_grant' },
  };
  const body = JSON.stringify(bodies[path] ?? {});
  socket.end(toAnswer(method === 'POST' ? 400 : 200, { date: new Date().toUTCString(), connection: 'close' }, body));
};
const REST = { timeout: 2_000, ca: authority.cert };

describe('GenAuth cannot be reached', () => {
  type Row = [name: string, arrange: () => Promise<Partial<GenAuthOptions>>, code: string];
  test.each<Row>([
    [
      'nobody listens',
      async () => {
        const server = await serve();
        await server.close();
        return { appHost: server.url };
      },
      'connection_failed',
    ],
    // Longer than a label may be, so that no name server is asked.
    ['no such host', async () => ({ appHost: `https://${'a'.repeat(64)}.example` }), 'dns_failed'],
    ['silence', async () => ({ appHost: (await serve()).url, timeout: 100 }), 'connection_timeout'],
    [
      'the connection is reset',
      async () => ({ appHost: (await serve((socket) => socket.resetAndDestroy())).url }),
      'connection_failed',
    ],
    ['no HTTP', async () => ({ appHost: (await serve((socket) => socket.end(SECRET))).url }), 'connection_failed'],
    [
      'an authority that nobody knows',
      async () => ({ appHost: (await serve(tenant, authority.issue())).url }),
      'tls_untrusted',
    ],
    [
      'a certificate that nobody issued',
      async () => ({ appHost: (await serve(tenant, authority.issueSelfSigned())).url }),
      'tls_untrusted',
    ],
    [
      'a certificate of another host',
      async () => ({
        appHost: (await serve(tenant, authority.issue({ hosts: ['127.0.0.2'] }))).url,
        ca: authority.cert,
      }),
      'tls_wrong_host',
    ],
    [
      'a certificate of last year',
      async () => {
        const dates = { notBefore: new Date(Date.now() - 9 * DAY), notAfter: new Date(Date.now() - DAY) };
        return { appHost: (await serve(tenant, authority.issue(dates))).url, ca: authority.cert };
      },
      'tls_expired',
    ],
    ['https where http is spoken', async () => ({ appHost: issuer().url.replace('http:', 'https:') }), 'tls_failed'],
  ])('%s', async (...[, arrange, code]: Row) => {
    const { problems, report } = await examine(await arrange());
    expect(problems).toEqual([`connection: error ${code}`]);
    // Nothing that needs the connection is tried, and all of it is told of.
    expect(report.findings.filter((finding) => finding.code === 'not_checked').map(({ check }) => check)).toEqual([
      'clock',
      'discovery',
      'keys',
      'client',
      'encryption',
      'login',
      'directory',
      'tokens',
      'scopes',
      'address',
    ]);
  });

  test.each(['HTTPS_PROXY', 'all_proxy'])('%s is set, which the library does not read', async (name) => {
    const server = await serve();
    await server.close();
    const { problems, report } = await examine(
      { appHost: server.url },
      { [name]: `http://${PROXY_USER}proxy.invalid:3128` },
    );
    expect(problems).toEqual(['connection: error connection_failed', 'connection: warning proxy_not_read']);
    expect(report.findings.at(3)).toMatchObject({ message: expect.stringContaining(name) as string });
  });

  test('HTTPS_PROXY is of no interest while all is well', async () => {
    const { problems } = await examine({ ...(await https()) }, { HTTPS_PROXY: 'http://proxy.invalid:3128' });
    expect(problems).toEqual([]);
  });
});

async function https(dates = { notAfter: new Date(Date.now() + 90 * DAY) }): Promise<Partial<GenAuthOptions>> {
  const server = await serve(tenant, authority.issue(dates));
  return { ...REST, appHost: server.url, ca: authority.cert };
}

describe('TLS', () => {
  test('a right certificate, and until when', async () => {
    const { problems, report } = await examine(await https({ notAfter: new Date(Date.now() + 90 * DAY) }));
    expect(problems).toEqual([]);
    const until = new Date(Date.now() + 90 * DAY).toISOString().slice(0, 10);
    expect(report.findings).toContainEqual(
      expect.objectContaining({ code: 'connection', message: expect.stringContaining(`until ${until}`) as string }),
    );
  });

  test('a certificate that ends next week', async () => {
    const { problems, report } = await examine(await https({ notAfter: new Date(Date.now() + 7.5 * DAY) }));
    expect(problems).toEqual(['connection: warning certificate_ends_soon']);
    expect(report.findings).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining('in 7 days') as string }),
    );
  });
});

describe('a proxy', () => {
  /** Opens the tunnel, and takes no further part. */
  const tunnel: Conversation = (socket: Socket, received: string) => {
    const port = /^CONNECT localhost:(\d+) /.exec(received)?.[1];
    if (!received.endsWith('\r\n\r\n') || port === undefined || socket.listenerCount('data') > 1) return;
    const target = connectTcp(Number(port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.pipe(target).pipe(socket);
    });
    target.on('error', () => socket.destroy());
    socket.on('close', () => target.destroy());
  };

  test('is gone through, with its password', async () => {
    const server = await serve(
      tenant,
      authority.issue({ hosts: ['localhost'], notAfter: new Date(Date.now() + 90 * DAY) }),
    );
    const proxy = await serve(tunnel);
    const { problems, report } = await examine({
      ...REST,
      appHost: `https://localhost:${server.port}`,
      proxy: proxy.url.replace('//', `//${PROXY_USER}`),
    });
    expect(problems).toEqual([]);
    expect(report.findings).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining('through the proxy') as string }),
    );
    expect(proxy.received.join()).toContain(Buffer.from(`user:${PROXY_PASSWORD}`).toString('base64'));
  });

  test.each<[string, Conversation, string]>([
    ['refuses the password', (socket) => socket.end('HTTP/1.1 407 No\r\n\r\n'), 'HTTP 407'],
    ['is not allowed there', (socket) => socket.end('HTTP/1.1 403 No\r\n\r\n'), 'HTTP 403'],
    ['hangs up', (socket) => socket.resetAndDestroy(), 'ECONNRESET'],
  ])('%s', async (_name, converse, said) => {
    const proxy = (await serve(converse)).url.replace('//', `//${PROXY_USER}`);
    const { problems, report } = await examine({ appHost: 'https://tenant.example', proxy });
    expect(problems).toEqual(['connection: error proxy_failed']);
    expect(report.findings).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining(said) as string }),
    );
  });

  test('a host that hangs up behind the tunnel is not the fault of the proxy', async () => {
    const server = await serve((socket) => socket.resetAndDestroy());
    const proxy = await serve(tunnel);
    const { problems } = await examine({ appHost: `https://localhost:${server.port}`, proxy: proxy.url });
    expect(problems).toEqual(['connection: error connection_failed']);
  });

  test('has nothing to do with a loopback host that speaks plain http', async () => {
    const server = await serve();
    await server.close();
    const { problems } = await examine({ appHost: server.url, proxy: 'http://proxy.invalid:3128' });
    expect(problems).toEqual(['connection: error connection_failed']);
  });

  test('does not listen', async () => {
    const proxy = await serve();
    await proxy.close();
    const { problems } = await examine({
      appHost: 'https://tenant.example',
      proxy: proxy.url.replace('//', `//${PROXY_USER}`),
    });
    expect(problems).toEqual(['connection: error proxy_failed']);
  });
});

test.each([
  ['/elsewhere', 'http://127.0.0.1'],
  ['https://other.example/oidc?secret=1', 'https://other.example'],
])('a redirect to %s', async (location, shown) => {
  issuer().reply(DISCOVERY_PATH, { status: 302, headers: { location } });
  const { problems, report } = await examine({});
  expect(problems).toEqual(['connection: error redirected']);
  expect(report.findings).toContainEqual(
    expect.objectContaining({ message: expect.stringContaining(`to "${shown}`) as string }),
  );
});

describe('clocks', () => {
  beforeEach(() => issuer().reply('/oidc/token', { status: 400, body: { error: 'invalid_grant' } }));

  test.each<[string, seconds: number, problems: string[]]>([
    ['the same', 0, []],
    ['4 s behind', -4, []],
    ['4 s ahead', 4, []],
    ['10 s behind', -10, ['clock: error clock_behind']],
    ['10 s ahead', 10, ['clock: warning clock_ahead']],
    ['a day ahead', 86_400, ['clock: warning clock_ahead']],
  ])("ours is %s by GenAuth's Date header", async (_name, seconds, expected) => {
    const { problems } = await examine({}, {}, () => Date.now() + seconds * 1000);
    expect(problems).toEqual(expected);
  });

  test('the option clockTolerance counts', async () => {
    const { problems } = await examine({ clockTolerance: 60 }, {}, () => Date.now() - 50_000);
    expect(problems).toEqual([]);
  });

  test('without a Date header nobody knows', async () => {
    const server = await serve((socket) => socket.end(toAnswer(200, {}, '{}')));
    const { report } = await examine({ appHost: server.url });
    expect(report.findings).toContainEqual(
      expect.objectContaining({ check: 'clock', level: 'skipped', code: 'clock_unknown' }),
    );
  });
});

test('a JWKS address on another host is asked there, and no other host is', async () => {
  const other = await serve((socket) => socket.end(toAnswer(200, {}, JSON.stringify({ keys: [issuer().key.jwk] }))));
  const stranger = await serve();
  issuer().reply(DISCOVERY_PATH, { body: { issuer: issuer().issuer, jwks_uri: stranger.url } });
  issuer().reply('/oidc/token', { status: 400, body: { error: 'invalid_grant' } });
  const { problems } = await examine({ jwksUri: `${other.url}/keys` });
  expect(problems).toEqual([]);
  expect([other.connections > 0, stranger.connections]).toEqual([true, 0]);
});
