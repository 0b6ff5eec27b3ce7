import type { IncomingMessage, ServerResponse } from 'node:http';
import { GenAuthError } from '../core/errors.js';
import { checkSameSite } from '../web/cross-site.js';
import { expectCalled } from '../web/describe-argument.js';
import { toRefusal } from '../web/refusal.js';
import { reportRefusal } from '../web/report-refusal.js';
import { answerJson } from './answer-json.js';

/** A request handler for Express 4 and 5. This type does not import types of Express. */
type CrossSiteHandler = (req: IncomingMessage, res: ServerResponse, next: (error?: unknown) => void) => void;

/**
 * Creates an Express middleware that refuses requests from pages of other sites (cross-site request forgery). Use it
 * before a login route that creates a session, and before the other routes that such a session protects. Without it, a
 * page of another site can sign an end user in with the account of an attacker (login CSRF). The attribute `SameSite`
 * of the session cookie does not prevent this.
 *
 * The middleware reads the request header
 * [`Sec-Fetch-Site`](https://www.w3.org/TR/fetch-metadata/#sec-fetch-site-header). If the browser does not send this
 * header, the host in the header `Origin` must equal the header `Host`. Requests without both headers, for example of
 * curl, and requests with the methods GET, HEAD and OPTIONS pass. A refused request gets the HTTP status 403 and a JSON
 * body with the code `cross_site_request`.
 *
 * @example
 * ```ts
 * import express from 'express';
 * import { GenAuthClient, GenAuthPasswordStrategy, refuseCrossSite, signInHandler } from 'passport-genauth';
 *
 * const client = new GenAuthClient({
 *   appId: '65f0c1d2e3a4b5c6d7e8f901',
 *   appSecret: '0123456789abcdef0123456789abcdef',
 *   appHost: 'https://example.genauth.ai',
 * });
 * const app = express().use(express.urlencoded({ extended: false }));
 * app.post('/login', refuseCrossSite(), signInHandler(new GenAuthPasswordStrategy(client)));
 * ```
 */
export function refuseCrossSite(): CrossSiteHandler;
export function refuseCrossSite(...given: readonly unknown[]): CrossSiteHandler {
  expectCalled('refuseCrossSite', 'refuseCrossSite()', given[0]);
  return (req, res, next) => {
    try {
      checkSameSite(req);
    } catch (error) {
      if (!(error instanceof GenAuthError)) throw error;
      const options = { language: undefined, exposeReasons: false };
      const refusal = toRefusal(error, { options, acceptLanguage: req.headers['accept-language'] });
      reportRefusal(refusal, {}, req);
      return answerJson(res, refusal.body, refusal.headers);
    }
    return next();
  };
}
