import { usesProxy } from '../../core/http/connections.js';
import { describeNetworkFault, isCertificateAlert } from '../../core/http/network-error.js';
import { PROXY_REFUSED, PROXY_TIMEOUT, ProxyError } from '../../core/http/proxy-tunnel.js';
import { PATHS } from '../../core/wire/facts.js';
import { CONSOLE_PAGES } from '../console-pages.js';
import type { Context } from '../context.js';
import { type Phase, ProbeError, isRedirect, probe } from '../probe.js';
import { type Observation, error, ok, warning } from '../report.js';

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
    const { facts, document, needsCertificate } = await probe(context, url);
    if (needsCertificate) return [explainCertificate(context, `HTTP ${facts.status}`)];
    context.probe = facts;
    if (document !== undefined) context.documents.keep(url, document);
  } catch (fault) {
    if (!(fault instanceof ProbeError)) throw fault;
    return [explain(context, fault), ...findUnreadProxy(context)];
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
  return [ok('connection', `${appHost} answers${usesProxy(proxy, appHost) ? ' through the proxy' : ''}${until}.`)];
}

const NO_CONNECTION = 'No user can sign in. The keys that verify tokens cannot be loaded.';

/** A finding about the connection. */
interface Fault {
  code: string;
  /** The problem, in words that follow "cannot be reached:". */
  problem: string;
  fix: string | ((context: Context) => string);
  /** Default: {@link NO_CONNECTION}. */
  impact?: string;
  consolePage?: string;
}

/** The findings by what Node.js or OpenSSL reports. The first entry that matches applies. */
const FAULTS: readonly (readonly [signs: RegExp, fault: Fault])[] = [
  [
    /^(ENOTFOUND|EAI_)/,
    {
      code: 'dns_failed',
      problem: 'its host name cannot be resolved',
      consolePage: CONSOLE_PAGES.endpoints,
      fix: 'Correct the host name in appHost, or the name server (DNS) of this machine.',
    },
  ],
  [
    /alert protocol version|unsupported protocol|version too low/,
    {
      code: 'tls_version',
      problem: 'it supports no TLS version that Node.js accepts',
      fix: 'Ask the operator of the host to turn on TLS 1.2 or TLS 1.3.',
    },
  ],
  [
    /alert handshake failure/,
    {
      code: 'tls_cipher',
      problem: 'it supports no cipher that Node.js accepts',
      fix:
        'Ask the operator of the host to turn on TLS 1.3, or the current ciphers of TLS 1.2. ' +
        'If the host requires a client certificate, set the options cert and key.',
    },
  ],
  [
    /^ERR_TLS_CERT_ALTNAME_INVALID/,
    {
      code: 'tls_wrong_host',
      problem: 'its certificate is for another host',
      impact: 'No user can sign in. No request is sent, because the server cannot prove that it is this host.',
      consolePage: CONSOLE_PAGES.endpoints,
      fix: 'Write the host name in appHost exactly as in the certificate.',
    },
  ],
  [
    /alert unrecognized name/,
    {
      code: 'tls_wrong_host',
      problem: 'the server does not know this host name',
      consolePage: CONSOLE_PAGES.endpoints,
      fix: 'Correct the host name in appHost.',
    },
  ],
  [
    /^CERT_(HAS_EXPIRED|NOT_YET_VALID)/,
    {
      code: 'tls_expired',
      problem: 'its certificate is not valid now',
      impact: 'No user can sign in. The certificate is not valid now, or the clock of this machine is wrong.',
      fix: 'Check the clock of this machine. If it is right, ask the operator of the host to renew the certificate.',
    },
  ],
  [
    /^\w*(CERT|SIGNATURE|ISSUER|INVALID_CA)/,
    {
      code: 'tls_untrusted',
      problem: 'this machine does not trust its certificate',
      impact:
        'No user can sign in. The certificate is not from an authority that this machine trusts: ' +
        'it is a private certificate, or an attack.',
      fix: (context) => `If you trust the authority, set ${context.setting('ca', 'ca.pem')}`,
    },
  ],
  [
    /^(EPROTO|ERR_SSL|ERR_TLS)/,
    {
      code: 'tls_failed',
      problem: 'TLS failed',
      impact: 'No user can sign in. Probably the server does not use TLS on this port.',
      fix: 'Correct the port in appHost.',
    },
  ],
];

const OTHER_FAULT: Fault = {
  code: 'connection_failed',
  problem: 'the connection failed',
  consolePage: CONSOLE_PAGES.endpoints,
  fix: 'Correct appHost, or allow connections from this machine to that host in the firewall.',
};

/** The findings after the option `timeout`. */
const TIMEOUTS: Readonly<Record<Phase, Fault>> = {
  connecting: {
    code: 'connection_timeout',
    problem: 'it does not accept a connection in time',
    fix: 'Allow connections from this machine to that host in the firewall, or set the option proxy.',
  },
  tls: {
    code: 'tls_timeout',
    problem: 'it accepts a connection, but does not complete the TLS handshake in time',
    fix: 'Correct the port in appHost. If it is right, a firewall may hold back TLS connections.',
  },
  answering: {
    code: 'answer_timeout',
    problem: 'it accepts the request, but does not answer in time',
    impact: 'Logins wait for the whole option timeout, and then fail with HTTP 503.',
    fix: 'Correct appHost. If it is right, ask the operator of the host, or set a longer timeout.',
  },
};

function explain(context: Context, { cause, phase, isTimeout, hasServerHello }: ProbeError): Observation {
  const { appHost, cert, timeout } = context.options;
  if (cause instanceof ProxyError) return explainProxy(context, cause);
  const fault = describeNetworkFault(cause);
  const { code = '', message } = fault;
  // With TLS 1.2 a server has sent its own certificate before it requires the certificate of the client.
  const isLateFailure = message.includes('alert handshake failure') && hasServerHello === true;
  if (isCertificateAlert(fault) || isLateFailure) {
    return explainCertificate(context, `${code}: ${context.quote(message)}`);
  }
  const found = FAULTS.find(([signs]) => signs.test(`${code} ${message}`))?.[1] ?? OTHER_FAULT;
  const { code: name, problem, fix, impact = NO_CONNECTION, consolePage } = isTimeout ? TIMEOUTS[phase] : found;
  // Some servers close the connection if they do not trust the certificate of the client.
  const isMaybeCertificate = cert !== undefined && phase === 'answering' && code === 'ECONNRESET';
  const hint = isMaybeCertificate ? ' Check that the host trusts the client certificate in cert.' : '';
  const reason = isTimeout ? `${timeout} ms` : code === '' ? context.quote(message) : code;
  return error(name, `${appHost} cannot be reached: ${problem} (${reason}).`, {
    impact,
    ...(consolePage !== undefined && { consolePage }),
    fix: (typeof fix === 'string' ? fix : fix(context)) + hint,
  });
}

/** Builds the finding for a server that requires a client certificate, or refuses the certificate of the options. */
function explainCertificate({ options }: Context, reason: string): Observation {
  const { appHost, cert } = options;
  const impact = 'No user can sign in. The server accepts only clients with a certificate (mutual TLS).';
  if (cert === undefined) {
    return error('client_certificate_required', `${appHost} requires a client certificate (${reason}).`, {
      impact,
      fix: "Set the options cert: readFileSync('cert.pem', 'utf8') and key: readFileSync('key.pem', 'utf8')",
    });
  }
  return error('client_certificate_refused', `${appHost} refuses the client certificate (${reason}).`, {
    impact,
    fix: 'Ask the operator of the host for a certificate that is valid now, and set the options cert and key.',
  });
}

function explainProxy(context: Context, { code, httpStatus, message }: ProxyError): Observation {
  const { appHost } = context.options;
  const { hostname, port } = new URL(appHost);
  const address = `Set ${context.setting('proxy', 'http://user:password@proxy.example.com:3128')}`;
  const [problem, fix] =
    code === PROXY_REFUSED
      ? [`the proxy answered CONNECT with HTTP ${httpStatus}`, explainRefusal(httpStatus, address, hostname, port)]
      : code === PROXY_TIMEOUT
        ? ['the proxy does not answer, or does not reach the host in time', address]
        : /CERT|SIGNATURE|ISSUER/.test(code ?? '')
          ? [`the certificate of the proxy is refused (${code})`, `Set ${context.setting('ca', 'ca.pem')}`]
          : [`the proxy cannot be reached (${code ?? context.quote(message)})`, address];
  return error('proxy_failed', `${appHost} cannot be reached: ${problem}.`, { impact: NO_CONNECTION, fix });
}

/** Returns the fix for the response of a proxy to CONNECT. */
function explainRefusal(status: number | undefined, address: string, hostname: string, port: string): string {
  if (status === 407) return address;
  const target = `${hostname}:${port === '' ? '443' : port}`;
  if (status !== undefined && status >= 500)
    return `Correct appHost. If it is right, the proxy cannot reach ${target}.`;
  return `Allow CONNECT to ${target} in the proxy.`;
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
