import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { TLSSocket } from 'node:tls';
import { DEFAULT_HEADERS, type HttpAnswer, toAnswer } from '../../core/http/http.js';
import { PROXY_REFUSED, PROXY_TIMEOUT, ProxyError, TunnelAgent } from '../../core/http/proxy-tunnel.js';
import { MAX_DOCUMENT_BYTES, MAX_WAIT_MS } from '../../core/http/upstream.js';
import { PATHS } from '../../core/wire/facts.js';
import { CONSOLE_PAGES } from '../console-pages.js';
import type { Context, Probe } from '../context.js';
import { type Advice, type Observation, error, ok, warning } from '../report.js';

const DAY_MS = 86_400_000;
/** Certificates are usually renewed a month before they expire. Below this limit the renewal was probably forgotten. */
const CERTIFICATE_WARNING_MS = 14 * DAY_MS;

/**
 * Checks name, connection, TLS and proxy with the request for the discovery document. It uses Node's own request,
 * because the library's answers show neither when the certificate expires nor the time of the server. The document is
 * kept for the other checks.
 */
export async function checkConnection(context: Context): Promise<Observation[]> {
  const { appHost, proxy } = context.options;
  const url = appHost + PATHS.discovery;
  try {
    const { seen, document } = await probe(context, url);
    context.probe = seen;
    if (document !== undefined) context.documents.keep(url, document);
  } catch (fault) {
    return [explain(context, fault as NodeJS.ErrnoException), ...findUnreadProxy(context)];
  }
  const { status, location, certificateEnds } = context.probe;
  if (isRedirect(status, location)) {
    const target = URL.canParse(location, appHost) ? new URL(location, appHost).origin : location;
    return [
      error('redirected', `${appHost} redirects to ${context.quote(target)}.`, {
        impact: 'The library does not follow redirects, because they could send passwords to another host.',
        consolePage: CONSOLE_PAGES.endpoints,
        fix: context.line('appHost', '<the address that answers without a redirect>'),
      }),
    ];
  }
  const remaining = certificateEnds === undefined ? Infinity : certificateEnds.getTime() - context.settings.now();
  if (remaining < CERTIFICATE_WARNING_MS) {
    const days = Math.floor(remaining / DAY_MS);
    return [
      warning('certificate_ends_soon', `The certificate of ${appHost} expires in ${days} days.`, {
        impact: 'After that no user can sign in.',
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

/** What the first answer shows, and the document in it. */
interface Probed {
  seen: Probe;
  /**
   * `undefined` if the library would not accept this answer. The check `discovery` then requests it again and reports
   * why.
   */
  document: HttpAnswer | undefined;
}

function probe({ options, settings }: Context, url: string): Promise<Probed> {
  const { ca, proxy, timeout } = options;
  const isTls = url.startsWith('https:');
  const tls = ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] };
  const agent = isTls && proxy !== undefined ? new TunnelAgent(proxy, timeout, tls) : undefined;
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
      const seen: Probe = { status, date, location, sentAt, receivedAt: settings.now(), certificateEnds };
      void readDocument(incoming, url).then((document) => {
        // A guarded route would not wait longer for this document.
        const isInTime = performance.now() - startedAt <= MAX_WAIT_MS;
        resolve({ seen, document: isInTime ? document : undefined });
      });
    });
    outgoing.end();
  });
  return answered.finally(() => agent?.destroy());
}

/** Reads the document as the library does; `undefined` if it is incomplete, too large, or not acceptable. */
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
    // Whatever failed fails again when the library requests the document, and is reported then.
    return undefined;
  }
}

type Fault = readonly [code: string, codes: RegExp, advice: Advice];

const CA_FIX = "ca: readFileSync('ca.pem', 'utf8') in the options; for the doctor NODE_EXTRA_CA_CERTS=ca.pem";
const NO_CONNECTION = 'No user can sign in, and no key can be fetched.';
/** Faults by Node's error code. */
const FAULTS: readonly Fault[] = [
  [
    'dns_failed',
    /^(ENOTFOUND|EAI_\w+)$/,
    {
      impact: NO_CONNECTION,
      consolePage: CONSOLE_PAGES.endpoints,
      fix: 'Correct the host, or the name server of this machine.',
    },
  ],
  [
    'connection_timeout',
    /^ETIMEDOUT$/,
    { impact: NO_CONNECTION, fix: 'Let this machine through the firewall to that host, or set the option proxy.' },
  ],
  [
    'tls_wrong_host',
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    {
      impact: 'The server cannot prove that it is this host, so no request is sent.',
      consolePage: CONSOLE_PAGES.endpoints,
      fix: 'Write the host as its certificate has it.',
    },
  ],
  [
    'tls_expired',
    /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    {
      impact: 'The certificate is not valid now, or the clock of this machine is wrong.',
      fix: 'Check the clock first. Otherwise ask the operator of the host to renew the certificate.',
    },
  ],
  [
    'tls_untrusted',
    /CERT|SIGNATURE|ISSUER/,
    {
      impact: 'No authority that this machine trusts has issued the certificate: it is a private one, or an attack.',
      fix: CA_FIX,
    },
  ],
  [
    'tls_failed',
    /SSL|EPROTO|TLS/,
    {
      impact: 'The server does not speak TLS, or no version of it that this machine accepts.',
      fix: 'Correct the port of the address.',
    },
  ],
];

const OTHER_FAULT: Fault = [
  'connection_failed',
  /^/,
  {
    impact: NO_CONNECTION,
    consolePage: CONSOLE_PAGES.endpoints,
    fix: 'Correct the address, or let this machine through the firewall to it.',
  },
];

function explain(context: Context, fault: NodeJS.ErrnoException): Observation {
  const { appHost } = context.options;
  if (fault instanceof ProxyError) {
    return error('proxy_failed', `${appHost} cannot be reached: ${describeProxyError(context, fault)}.`, {
      impact: NO_CONNECTION,
      fix: context.line('proxy', 'http://user:password@proxy.example.com:3128'),
    });
  }
  const { code = '', message } = fault;
  const [name, , advice] = FAULTS.find(([, codes]) => codes.test(code)) ?? OTHER_FAULT;
  return error(name, `${appHost} cannot be reached: ${code === '' ? context.quote(message) : code}.`, advice);
}

function describeProxyError(context: Context, { code, httpStatus, message }: ProxyError): string {
  switch (code) {
    case PROXY_REFUSED:
      return `the proxy answered CONNECT with HTTP ${httpStatus}`;
    case PROXY_TIMEOUT:
      return 'the proxy does not answer';
    default:
      return `the proxy cannot be reached, ${code ?? context.quote(message)}`;
  }
}

/** Variables that other tools read, so that a developer may expect the library to read them. */
function findUnreadProxy({ options, settings }: Context): Observation[] {
  const names = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'].filter((name) => settings.env[name]);
  if (options.proxy !== undefined || names[0] === undefined) return [];
  return [
    warning('proxy_not_read', `${names[0]} is set, but the options have no proxy.`, {
      impact: 'The library does not read this variable: it connects to GenAuth directly.',
      fix: `proxy: process.env.${names[0]} in the options; for the doctor GENAUTH_PROXY`,
    }),
  ];
}
