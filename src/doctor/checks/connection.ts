import { type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { TLSSocket } from 'node:tls';
import { TunnelAgent } from '../../core/http/proxy-tunnel.js';
import { PATHS } from '../../core/wire/facts.js';
import type { Examination } from '../context.js';
import { type Advice, type Observation, PAGES, error, ok, skipped, warning } from '../report.js';

const DAY_MS = 86_400_000;
/** Certificates are renewed a month before they end; one that has less than this was forgotten. */
const CERTIFICATE_WARNING_MS = 14 * DAY_MS;
/** A Date header has whole seconds: half of one is what it is wrong by, on average. */
const HALF_A_SECOND_MS = 500;

/** What an answer tells beside its body. */
export interface Probe {
  status: number;
  date: string | undefined;
  location: string | undefined;
  /** Milliseconds since 1970, by our clock. */
  sentAt: number;
  receivedAt: number;
  /** Of the server's certificate; `undefined` without TLS. */
  certificateEnds: Date | undefined;
}

/**
 * Names, connection, TLS and proxy, by Node itself: the library's own exchange says why it failed, but not when the
 * certificate ends nor what time it is there.
 */
export async function checkConnection(x: Examination): Promise<Observation[]> {
  const { appHost } = x.options;
  try {
    x.probe = await probe(x);
  } catch (fault) {
    return [...explain(x, fault as NodeJS.ErrnoException), ...findUnreadProxy(x)];
  }
  const { status, location, certificateEnds } = x.probe;
  if (status >= 300 && status < 400 && location !== undefined) {
    const target = URL.canParse(location, appHost) ? new URL(location, appHost).origin : location;
    return [
      error('redirected', `${appHost} redirects to ${x.quote(target)}.`, {
        why: 'Redirects are not followed: they would carry passwords to another host.',
        page: PAGES.endpoints,
        mend: x.line('appHost', 'the address that answers itself'),
      }),
    ];
  }
  const remaining = certificateEnds === undefined ? Infinity : certificateEnds.getTime() - x.settings.now();
  if (remaining < CERTIFICATE_WARNING_MS) {
    return [
      warning(
        'certificate_ends_soon',
        `The certificate of ${appHost} ends in ${Math.floor(remaining / DAY_MS)} days.`,
        {
          why: 'From then on nobody can sign in.',
          mend: 'Whoever runs this host renews its certificate.',
        },
      ),
    ];
  }
  const until =
    certificateEnds === undefined
      ? ''
      : `, its certificate is good until ${certificateEnds.toISOString().slice(0, 10)}`;
  return [ok('connection', `${appHost} answers${x.options.proxy === undefined ? '' : ' through the proxy'}${until}.`)];
}

function probe({ options, settings }: Examination): Promise<Probe> {
  const { appHost, ca, proxy, timeout } = options;
  const url = new URL(PATHS.discovery, appHost);
  const isTls = url.protocol === 'https:';
  const tls = ca === undefined ? {} : { ca: typeof ca === 'string' ? ca : [...ca] };
  const agent = isTls && proxy !== undefined ? new TunnelAgent(proxy, timeout, tls) : undefined;
  const sentAt = settings.now();
  const deadline = AbortSignal.timeout(timeout);
  return new Promise<Probe>((resolve, reject) => {
    const headers = { accept: 'application/json', 'user-agent': 'passport-genauth' };
    const signal = settings.signal === undefined ? deadline : AbortSignal.any([deadline, settings.signal]);
    const outgoing = (isTls ? requestHttps : requestHttp)(url, { ...tls, agent: agent ?? false, headers, signal });
    outgoing.once('error', (fault) => reject(deadline.aborted ? Object.assign(fault, { code: 'ETIMEDOUT' }) : fault));
    outgoing.once('response', (incoming: IncomingMessage) => {
      const { statusCode: status = 0, headers: received, socket } = incoming;
      const certificateEnds = socket instanceof TLSSocket ? new Date(socket.getPeerCertificate().valid_to) : undefined;
      const { date, location } = received;
      resolve({ status, date, location, sentAt, receivedAt: settings.now(), certificateEnds });
      incoming.destroy();
    });
    outgoing.end();
  }).finally(() => agent?.destroy());
}

type Fault = readonly [code: string, codes: RegExp, advice: Advice];

const CA_MEND = "ca: readFileSync('ca.pem', 'utf8') in the options; for the doctor NODE_EXTRA_CA_CERTS=ca.pem";
const NOBODY = 'Nobody can sign in, and no key can be fetched.';
/** By the code that Node gives. */
const FAULTS: readonly Fault[] = [
  [
    'dns_failed',
    /^(ENOTFOUND|EAI_\w+)$/,
    { why: NOBODY, page: PAGES.endpoints, mend: 'Correct the host, or the name server of this machine.' },
  ],
  [
    'connection_timeout',
    /^ETIMEDOUT$/,
    { why: NOBODY, mend: 'Let this machine through the firewall to that host, or set the option proxy.' },
  ],
  [
    'tls_wrong_host',
    /^ERR_TLS_CERT_ALTNAME_INVALID$/,
    {
      why: 'Whoever answers cannot show that it is this host.',
      page: PAGES.endpoints,
      mend: 'Write the host as its certificate has it.',
    },
  ],
  [
    'tls_expired',
    /^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/,
    {
      why: 'The certificate is not valid now, or the clock of this machine is wrong.',
      mend: 'Look at the clock first; whoever runs the host renews the certificate.',
    },
  ],
  [
    'tls_untrusted',
    /CERT|SIGNATURE|ISSUER/,
    {
      why: 'Nobody that this machine trusts vouches for the host: a private authority, or somebody in between.',
      mend: CA_MEND,
    },
  ],
  [
    'tls_failed',
    /SSL|EPROTO|TLS/,
    {
      why: 'The other side speaks no TLS, or none that this machine accepts.',
      mend: 'Correct the port of the address.',
    },
  ],
];

function explain(x: Examination, fault: NodeJS.ErrnoException): Observation[] {
  const { appHost, proxy } = x.options;
  const code = fault.code ?? '';
  if (proxy !== undefined && /the proxy|^(ECONN|ENOTFOUND|EAI_|EHOST|ENET)/.test(`${code}${fault.message}`)) {
    const said = /the proxy .*/.exec(fault.message)?.[0] ?? `the proxy cannot be reached: ${code}`;
    return [
      error('proxy_failed', `${appHost}: ${said}.`, {
        why: NOBODY,
        mend: x.line('proxy', 'http://user:password@proxy.example.com:3128'),
      }),
    ];
  }
  const [name, , advice] = FAULTS.find(([, codes]) => codes.test(code)) ?? [
    'connection_failed',
    /./,
    {
      why: NOBODY,
      page: PAGES.endpoints,
      mend: 'Correct the address, or let this machine through the firewall to it.',
    },
  ];
  return [error(name, `${appHost} cannot be reached: ${code === '' ? x.quote(fault.message) : code}.`, advice)];
}

/** Other tools read these variables, so that people expect us to. */
function findUnreadProxy({ options, settings }: Examination): Observation[] {
  const names = ['HTTPS_PROXY', 'https_proxy', 'ALL_PROXY', 'all_proxy'].filter((name) => settings.env[name]);
  if (options.proxy !== undefined || names[0] === undefined) return [];
  return [
    warning('proxy_not_read', `${names[0]} is set, and no proxy in the options.`, {
      why: 'The library does not read the environment: it goes to GenAuth directly.',
      mend: `proxy: process.env.${names[0]} in the options; for the doctor GENAUTH_PROXY`,
    }),
  ];
}

/** Our clock against the Date header of GenAuth's answer. */
export async function checkClock({ probe: seen, options }: Examination): Promise<Observation[]> {
  const date = Date.parse(seen?.date ?? '');
  if (seen === undefined || Number.isNaN(date)) return [skipped('clock_unknown', 'The answer has no Date header.')];
  const drift = Math.round((date + HALF_A_SECOND_MS - (seen.sentAt + seen.receivedAt) / 2) / 1000);
  return [judgeDrift(drift, options.clockTolerance, "GenAuth's Date header")];
}

/** @param drift seconds that our clock is behind */
export function judgeDrift(drift: number, tolerance: number, other: string): Observation {
  if (Math.abs(drift) <= tolerance) {
    return ok('clock', `The clock agrees with ${other} (${Math.abs(drift)} s apart, ${tolerance} s are tolerated).`);
  }
  const mend = 'timedatectl set-ntp true';
  if (drift > 0) {
    return error('clock_behind', `This machine's clock is ${drift} s behind ${other}.`, {
      why: 'New tokens seem to come from the future, and every login ends with 502.',
      mend,
    });
  }
  return warning('clock_ahead', `This machine's clock is ${-drift} s ahead of ${other}.`, {
    why: 'Tokens seem to end before their time.',
    mend,
  });
}
