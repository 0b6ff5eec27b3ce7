import { describeNetworkFault } from '../../core/http/network-error.js';
import { buildAuthorizationUrl } from '../../core/oidc/authorization-url.js';
import { checkUrl } from '../../core/util/url.js';
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
  const checked = checkUrl(callbackUrl, 'requested');
  if ('problem' in checked) {
    return [
      error('callback_invalid', `The callback URL ${checked.problem}.`, {
        impact: 'The strategy genauth-redirect refuses this URL, so the application does not start.',
        fix: `In --callback-url, or in ${CALLBACK_VARIABLE}: ${checked.fix}.`,
      }),
    ];
  }
  const used = context.options.authorizationEndpoint;
  const offered = context.discovery?.['authorization_endpoint'];
  const isOther = offered !== undefined && offered !== used;
  // A request to another host would tell that host the application ID.
  const isUrl = typeof offered === 'string' && URL.canParse(offered);
  const isOnHost = isUrl && new URL(offered).origin === context.options.appHost;
  const found = await request(context, isOnHost ? offered : used, callbackUrl);
  return isOther ? [reportEndpoint(context, used, offered, isOnHost), ...found] : found;
}

function reportEndpoint(context: Context, used: string, offered: unknown, isOnHost: boolean): Observation {
  const literal = isOnHost ? context.literal(offered, '<authorization_endpoint>') : '<authorization_endpoint>';
  const shown = context.quote(offered);
  const message = `The authorization_endpoint of GenAuth is ${shown}, but passport-genauth uses ${used}.`;
  return warning('authorization_endpoint_other', message, {
    impact: `With this address, GenAuth may show an error page. ${NO_PAGE}`,
    consolePage: CONSOLE_PAGES.endpoints,
    fix: isOnHost
      ? `Write into the options of the client: authorizationEndpoint: '${literal}'`
      : 'Set appHost to the host of the hosted page.',
  });
}

async function request(context: Context, endpoint: string, callbackUrl: string): Promise<Observation[]> {
  const parameters = { redirectUri: callbackUrl, state: UNUSED, nonce: UNUSED, codeChallenge: UNUSED };
  const url = new URL(buildAuthorizationUrl(context.options, parameters, endpoint));
  const shown = context.quote(callbackUrl);
  try {
    const { status, location } = (await probe(context, url.href)).facts;
    if (isRedirect(status, location)) {
      if (!URL.canParse(location, endpoint)) return [reportUnclear('a redirect to no URL', url)];
      const target = new URL(location, endpoint);
      if (target.searchParams.has('error')) return [reportError(context, target)];
      return [ok('callback', `GenAuth shows its sign-in page for the callback URL ${shown}.`)];
    }
    if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
      return [
        error(
          'callback_refused',
          `GenAuth refuses the authorization request with the callback URL ${shown} (HTTP ${status}).`,
          {
            impact: `GenAuth shows an error page, and never sends the browser back. ${NO_PAGE}`,
            consolePage: CONSOLE_PAGES.callback,
            fix:
              'Compare appHost and appId. If they are right, add the login callback URL, as exactly this text: ' +
              context.literal(callbackUrl, '<callback URL>'),
          },
        ),
      ];
    }
    return [reportUnclear(`HTTP ${status}`, url)];
  } catch (fault) {
    if (!(fault instanceof ProbeError)) throw fault;
    return [reportUnclear(`no response (${describeNetworkFault(fault.cause).code ?? 'the connection failed'})`, url)];
  }
}

/** Builds the finding for an error that GenAuth sends with a redirect (RFC 6749 §4.1.2.1). */
function reportError(context: Context, { searchParams }: URL): Observation {
  const shown = context.quote(searchParams.get('error'));
  const message = `GenAuth refuses the authorization request with the error ${shown}.`;
  return error('authorization_refused', message, {
    impact: NO_PAGE,
    consolePage: CONSOLE_PAGES.grants,
    fix: 'Allow authorization_code on the console page, and compare the login callback URL, appId and scope.',
  });
}

function reportUnclear(answer: string, url: URL): Observation {
  return warning('callback_unclear', `GenAuth answered the authorization request with ${answer}.`, {
    impact: "It is not known whether users can sign in on GenAuth's hosted page.",
    fix: `Open this address in a browser. It must show the sign-in page: ${url.href}`,
  });
}
