import { describeNetworkFault } from '../../core/http/network-error.js';
import { isLoopback } from '../../core/util/url.js';
import { PATHS } from '../../core/wire/facts.js';
import { CONSOLE_PAGES } from '../console-pages.js';
import type { Context } from '../context.js';
import { CALLBACK_VARIABLE } from '../environment.js';
import { ProbeError, isRedirect, probe } from '../probe.js';
import { type Observation, error, ok, skipped, warning } from '../report.js';

/** The parameters of the doctor's authorization request that have no meaning, because no user signs in with it. */
const UNUSED = 'passport-genauth-doctor'.padEnd(43, '0');

const NO_PAGE = "No user can sign in on GenAuth's hosted page.";

/**
 * Checks the sign-in on GenAuth's hosted page: compares the `authorization_endpoint` of the discovery document with the
 * address that passport-genauth uses, and sends an authorization request with the callback URL of the application.
 * GenAuth never sends the browser back to a callback URL that is not registered, so the application cannot report it.
 */
export async function checkCallback(context: Context): Promise<Observation[]> {
  const { callbackUrl } = context.settings;
  if (callbackUrl === undefined) {
    const fix = `add --callback-url URL, or set ${CALLBACK_VARIABLE}`;
    return [skipped('callback_not_given', `To check the sign-in on GenAuth's hosted page, ${fix}.`)];
  }
  if (!isCallbackUrl(callbackUrl)) {
    return [
      error('callback_invalid', `The callback URL is ${context.quote(callbackUrl)}.`, {
        impact: 'The strategy genauth-redirect refuses this URL, so the application does not start.',
        fix: 'Write the absolute URL with https, or with http on a loopback host: https://app.example.com/callback',
      }),
    ];
  }
  const used = context.options.appHost + PATHS.authorization;
  const offered = context.discovery?.['authorization_endpoint'];
  const isOther = offered !== undefined && offered !== used;
  // A request to another host would tell that host the application ID.
  const isUrl = typeof offered === 'string' && URL.canParse(offered);
  const isOnHost = isUrl && new URL(offered).origin === context.options.appHost;
  const found = await request(context, isOnHost ? offered : used, callbackUrl);
  return isOther ? [reportEndpoint(context, used, offered, isOnHost), ...found] : found;
}

function isCallbackUrl(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, hostname, hash } = new URL(value);
  return hash === '' && (protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname)));
}

function reportEndpoint(context: Context, used: string, offered: unknown, isOnHost: boolean): Observation {
  const literal = isOnHost ? context.literal(offered, '<authorization_endpoint>') : '<authorization_endpoint>';
  const message = `The authorization_endpoint of GenAuth is ${context.quote(offered)}, but the default is ${used}.`;
  return warning('authorization_endpoint_other', message, {
    impact: `With the default, GenAuth may show an error page. ${NO_PAGE}`,
    consolePage: CONSOLE_PAGES.endpoints,
    fix: isOnHost
      ? `Write into the options of the sign-in on the hosted page: authorizationEndpoint: '${literal}'`
      : 'Set appHost to the host of the hosted page.',
  });
}

async function request(context: Context, endpoint: string, callbackUrl: string): Promise<Observation[]> {
  const { appId, scope } = context.options;
  const url = new URL(endpoint);
  url.search = new URLSearchParams({
    client_id: appId,
    redirect_uri: callbackUrl,
    response_type: 'code',
    scope: scope.join(' '),
    state: UNUSED,
    nonce: UNUSED,
    code_challenge: UNUSED,
    code_challenge_method: 'S256',
    prompt: 'login',
  }).toString();
  const shown = context.quote(callbackUrl);
  try {
    const { status, location } = (await probe(context, url.href)).facts;
    if (isRedirect(status, location)) {
      if (!URL.canParse(location, endpoint)) return [reportUnclear('a redirect to no URL', url)];
      const target = new URL(location, endpoint);
      if (isSame(target, new URL(callbackUrl))) return [reportError(context, target)];
      return [ok('callback', `GenAuth shows its sign-in page for the callback URL ${shown}.`)];
    }
    if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
      return [
        error('callback_refused', `GenAuth refuses the callback URL ${shown} with HTTP ${status}.`, {
          impact: `GenAuth shows an error page, and never sends the browser back. ${NO_PAGE}`,
          consolePage: CONSOLE_PAGES.callback,
          fix: `Add the login callback URL, as exactly this text: ${context.literal(callbackUrl, '<callback URL>')}`,
        }),
      ];
    }
    return [reportUnclear(`HTTP ${status}`, url)];
  } catch (fault) {
    if (!(fault instanceof ProbeError)) throw fault;
    return [reportUnclear(`no response (${describeNetworkFault(fault.cause).code ?? 'the connection failed'})`, url)];
  }
}

function isSame(a: URL, b: URL): boolean {
  return a.origin === b.origin && a.pathname === b.pathname;
}

/** Builds the finding for an error that GenAuth sends to the callback (RFC 6749 §4.1.2.1). */
function reportError(context: Context, { searchParams }: URL): Observation {
  const message = `GenAuth sends the browser back with the error ${context.quote(searchParams.get('error'))}.`;
  return error('authorization_refused', message, {
    impact: NO_PAGE,
    consolePage: CONSOLE_PAGES.grants,
    fix: 'Allow authorization_code and the response type code on the console page, and compare scope.',
  });
}

function reportUnclear(answer: string, url: URL): Observation {
  return warning('callback_unclear', `GenAuth answered the authorization request with ${answer}.`, {
    impact: "It is not known whether users can sign in on GenAuth's hosted page.",
    fix: `Open this address in a browser. It must show the sign-in page: ${url.href}`,
  });
}
