import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { TLSSocket } from 'node:tls';
import { buildConnectOptions } from '../../core/http/connections.js';
import { DEFAULT_HEADERS, type HttpAnswer, toAnswer } from '../../core/http/http.js';
import { describeNetworkFault } from '../../core/http/network-error.js';
import { PROXY_REFUSED, PROXY_TIMEOUT, ProxyError, TunnelAgent } from '../../core/http/proxy-tunnel.js';
import { MAX_DOCUMENT_BYTES, MAX_WAIT_MS } from '../../core/http/upstream.js';
import { isLoopback } from '../../core/util/url.js';
import { PATHS } from '../../core/wire/facts.js';
import { CONSOLE_PAGES } from '../console-pages.js';
import type { Context, Probe } from '../context.js';
import { type Advice, type Observation, error, ok, warning } from '../report.js';

const DAY_MS = 86_400_000;
/**
 * The remaining lifetime of a certificate below which the check warns. Operators usually renew a certificate a month
 * before it expires. If less than 14 days are left, the renewal was probably forgotten.
 */
const CERTIFICATE_WARNING_MS = 14 * DAY_MS;

/**
 * Checks the host name, the connection, TLS and the proxy with the request for the discovery document. The check uses
 * the HTTP functions of Node.js. The HTTP client of passport-genauth returns neither the expiry date of the certificate
 * nor the header `Date`. The discovery document is stored for the next checks.
 */
export async function checkConnection(context: Context): Promise<Observation[]> {
  const { appHost, proxy } = context.options;
  const url = appHost + PATHS.discovery;
  try {
    const { facts, document } = await probe(context, url);
    context.probe = facts;
    if (document !== undefined) context.documents.keep(url, document);
  } catch (fault) {
    return [explain(context, fault as NodeJS.ErrnoException), ...findUnreadProxy(context)];
  }
  const { status, location, certificateEnds } = context.probe;
  if (isRedirect(status, location)) {
    const target = URL.canParse(location, appHost) ? new URL(location, appHost).origin : location;
    return [
      error('redirected', `${appHost} redirects to ${context.quote(target)}.`, {
        impact:
          'Requests to this address fail. The library does not follow redirects, ' +
          'because a redirect could send passwords to another host.',
        consolePage: CONSOLE_PAGES.endpoints,
        fix: `Set ${context.setting('appHost', '<the address that answers without a redirect>')}`,
      }),
    ];
  }
  const remaining = certificateEnds === undefined ? Infinity : certificateEnds.getTime() - context.settings.now();
  if (remaining < CERTIFICATE_WARNING_MS) {
    const days = Math.floor(remaining / DAY_MS);
    return [
      warning('certificate_ends_soon', `The certificate of ${appHost} expires in ${days} days.`, {
        impact: 'When the certificate has expired, no user can sign in.',
        fix: 'Ask the operator of this host to renew the certificate.',
      }),
    ];
  }
  const until =
    certificateEnds === undefined
      ? ''
      : `. Its certificate is valid until ${certificateEnds.toISOString().slice(0, 10)}`;
  return [ok('connection', `${appHost} answers${proxy === undefined ? '' : ' through the proxy'}${until}.`)];
}

function isRedirect(status: number, location: string | undefined): location is string {
  return status >= 300 && status < 400 && location !== undefined;
}

/** The result of the first request to GenAuth. */
interface Probed {
  facts: Probe;
  /**
   * The response with the discovery document. It is `undefined` if passport-genauth would not accept this response. In
   * this case the check `discovery` requests the discovery document again and reports the reason.
   */
  document: HttpAnswer | undefined;
}

function probe({ options, settings }: Context, url: string): Promise<Probed> {
  const { ca, proxy, timeout } = options;
  const isTls = url.startsWith('https:');
  const tls = buildConnectOptions({ timeout, ca });
  const usesProxy = isTls && proxy !== undefined && !isLoopback(new URL(url).hostname);
  const agent = usesProxy ? new TunnelAgent(proxy, timeout, tls) : undefined;
  const sentAt = settings.now();
  const startedAt = performance.now();
  const deadline = AbortSignal.timeout(timeout);
  const signal = settings.signal === undefined ? deadline : AbortSignal.any([deadline, settings.signal]);
  const answered = new Promise<Probed>((resolve, reject) => {
    const request = isTls ? requestHttps : requestHttp;
    const outgoing = request(url, { ...tls, agent: agent ?? false, headers: DEFAULT_HEADERS, signal });
    outgoing.on('error', (fault) => reject(deadline.aborted ? Object.assign(fault, { code: 'ETIMEDOUT' }) : fault));
    outgoing.once('response', (incoming: IncomingMessage) => {
      const { statusCode: status = 0, headers, socket } = incoming;
      const { date, location } = headers;
      const certificateEnds = socket instanceof TLSSocket ? new Date(socket.getPeerCertificate().valid_to) : undefined;
      const facts: Probe = { status, date, location, sentAt, receivedAt: settings.now(), certificateEnds };
      void readDocument(incoming, url).then((document) => {
        // A guarded route does not wait longer than MAX_WAIT_MS for the discovery document.
        const isInTime = performance.now() - startedAt <= MAX_WAIT_MS;
        resolve({ facts, document: isInTime ? document : undefined });
      });
    });
    outgoing.end();
  });
  return answered.finally(() => agent?.destroy());
}

/**
 * Reads the discovery document as passport-genauth does. Returns `undefined` if the document is incomplete, too large
 * or not acceptable.
 */
async function readDocument(incoming: IncomingMessage, url: string): Promise<HttpAnswer | undefined> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of incoming as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MAX_DOCUMENT_BYTES) return undefined;
      chunks.push(chunk);
    }
    const { statusCode: status = 0, headers } = incoming;
    return toAnswer(`GET ${url}`, { status, headers, data: Buffer.concat(chunks) });
  } catch {
    // The check `discovery` requests the document with the code of passport-genauth, gets the same error and reports
    // it.
    return undefined;
  }
}

/** The code of a finding, the Node.js error codes that cause it, the problem in words, and the advice. */
type Fault = readonly [code: string, nodeCodes: RegExp, problem: string, advice: Advice];

const CA_FIX =
  "If you trust the authority, set the option ca: readFileSync('ca.pem', 'utf8'). " +
  'For the doctor, set NODE_EXTRA_CA_CERTS=ca.pem';
const NO_CONNECTION = 'No user can sign in. The keys that verify tokens cannot be loaded.';
/** The findings by Node.js error code. The first entry that matches the error code applies. */
const FAULTS: readonly Fault[] = [
  [
    'dns_failed',
    /^(ENOTFOUND|EAI_\w+)$/,
    'its host name cannot be resolved',
    {
      impact: NO_CONNECTION,
      consolePage: CONSOLE_PAGES.endpoints,
      fix: 'Correct the host name in appHost, or the name server (DNS) of this machine.',
    },
  ],
  [
    'connection_timeout',
    /^ETIMEDOUT$/,
    'it does not answer in time',
    {
      impact: NO_CONNECTION,
      fix: 'Allow connections from this machine to that host in the firewall, or set the option proxy.',
    },
  ],
  [
    'tls_wrong_host',
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    'its certificate is for another host',
    {
      impact: 'No user can sign in. No request is sent, because the server cannot prove that it is this host.',
      consolePage: CONSOLE_PAGES.endpoints,
      fix: 'Write the host name in appHost exactly as in the certificate.',
    },
  ],
  [
    'tls_expired',
    /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    'its certificate is not valid now',
    {
      impact: 'No user can sign in. The certificate is not valid now, or the clock of this machine is wrong.',
      fix: 'Check the clock of this machine. If it is right, ask the operator of the host to renew the certificate.',
    },
  ],
  [
    'tls_untrusted',
    /CERT|SIGNATURE|ISSUER/,
    'this machine does not trust its certificate',
    {
      impact:
        'No user can sign in. The certificate is not from an authority that this machine trusts: ' +
        'it is a private certificate, or an attack.',
      fix: CA_FIX,
    },
  ],
  [
    'tls_failed',
    /SSL|EPROTO|TLS/,
    'TLS failed',
    {
      impact: 'No user can sign in. The server does not speak TLS, or no TLS version that this machine accepts.',
      fix: 'Correct the port in appHost.',
    },
  ],
];

const OTHER_FAULT: Fault = [
  'connection_failed',
  /^/,
  'the connection failed',
  {
    impact: NO_CONNECTION,
    consolePage: CONSOLE_PAGES.endpoints,
    fix: 'Correct appHost, or allow connections from this machine to that host in the firewall.',
  },
];

function explain(context: Context, fault: NodeJS.ErrnoException): Observation {
  const { appHost } = context.options;
  if (fault instanceof ProxyError) {
    return error('proxy_failed', `${appHost} cannot be reached: ${describeProxyError(context, fault)}.`, {
      impact: NO_CONNECTION,
      fix: `Set ${context.setting('proxy', 'http://user:password@proxy.example.com:3128')}`,
    });
  }
  const { code = '', message } = describeNetworkFault(fault);
  const [name, , problem, advice] = FAULTS.find(([, nodeCodes]) => nodeCodes.test(code)) ?? OTHER_FAULT;
  const reason = code === '' ? context.quote(message) : code;
  return error(name, `${appHost} cannot be reached: ${problem} (${reason}).`, advice);
}

function describeProxyError(context: Context, { code, httpStatus, message }: ProxyError): string {
  switch (code) {
    case PROXY_REFUSED:
      return `the proxy answered CONNECT with HTTP ${httpStatus}`;
    case PROXY_TIMEOUT:
      return 'the proxy does not answer';
    default:
      return `the proxy cannot be reached (${code ?? context.quote(message)})`;
  }
}

/**
 * Finds environment variables for a proxy that other tools read. A developer may expect that passport-genauth also
 * reads them.
 */
function findUnreadProxy({ options, settings }: Context): Observation[] {
  const names = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'].filter((name) => settings.env[name]);
  if (options.proxy !== undefined || names[0] === undefined) return [];
  return [
    warning('proxy_not_read', `${names[0]} is set, but the options have no proxy.`, {
      impact: 'The library does not read this variable. It connects to GenAuth directly, and this connection fails.',
      fix: `Set the option proxy: process.env.${names[0]}. For the doctor, set GENAUTH_PROXY to the same value.`,
    }),
  ];
}
