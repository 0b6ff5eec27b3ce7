import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { type Server, createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ErrorRequestHandler, Express, Request, RequestHandler, Response } from 'express';
import { buildAppPath, PATHS } from '../../core/wire/facts.js';
import { getCaptcha } from '../public/captcha.js';
import { checkControlCaller } from '../control/caller.js';
import { answerUnknownControl, CONTROL_OPERATIONS, CONTROL_PATH, PAGE_PATH, runControl } from '../control/control.js';
import { getPage, PAGE_PATHS } from '../control/page.js';
import { getDiscovery, getJwks } from '../oidc/discovery.js';
import { endSession } from '../oidc/end-session.js';
import { EmulatorError } from '../errors.js';
import { authorize } from '../hosted/authorize.js';
import { postAbort, postConfirm, postLogin, showLogin } from '../hosted/interaction-pages.js';
import type { EmulatorEndpoint } from '../state/faults.js';
import { introspect } from '../oidc/introspection.js';
import { OAuthRefusal } from '../oidc/oauth-refusal.js';
import { type EmulatorRequest, type EmulatorResponse, envelope, notImplemented, type Operation } from './operation.js';
import { importExpress } from '../optional-packages.js';
import { buildScheme } from '../options.js';
import { FORM } from '../oidc/parameters.js';
import { revoke } from '../oidc/revocation.js';
import { type PreparedResponse, sendFaulty, waitFor } from './faulty-response.js';
import { describeSignIn, signIn } from '../sign-in/sign-in.js';
import type { EmulatorState } from '../state/state.js';
import { getSystem } from '../public/system.js';
import { postToken } from '../oidc/token-endpoint.js';
import { getUserInfo } from '../oidc/user-info.js';

/** The HTTP server of a started emulator. */
export interface Listener {
  readonly port: number;
  /** Lets the process end although the server listens. */
  unref(): void;
  /**
   * Closes the port and all connections, including connections with a request in progress. Ends all delays of faults.
   */
  close(): Promise<void>;
}

const BODY_LIMIT = '100kb';

/**
 * Starts the HTTP server of the emulator.
 *
 * @param ready A promise. The server listens after the promise has resolved. Express is loaded at the same time.
 * @throws EmulatorError with the code `address_in_use` if another process listens on the port.
 * @throws EmulatorError with the code `express_missing` if the package `express` is not installed.
 */
export async function listen(state: EmulatorState, ready?: Promise<unknown>): Promise<Listener> {
  const { host, port } = state.config;
  const [app] = await Promise.all([createApp(state), ready]);
  const { certificates, lastPort } = state;
  const create = () =>
    certificates ? createTlsServer({ cert: certificates.cert, key: certificates.key }, app) : createServer(app);
  const first =
    port === 0 && lastPort !== 0
      ? await bind(create(), lastPort, host).catch(() => bind(create(), 0, host))
      : await bind(create(), port, host);
  const servers = [first];
  const { port: chosen } = first.address() as AddressInfo;
  // The name `localhost` has both addresses. A machine without IPv6 has no second address.
  if (host === '127.0.0.1') {
    const second = await bind(create(), chosen, '::1').catch((error: Error) => error);
    if (!(second instanceof Error)) servers.push(second);
    else if (port !== 0 && second instanceof EmulatorError) {
      await close(servers);
      throw second;
    }
  }
  return {
    port: chosen,
    unref: () => servers.forEach((server) => server.unref()),
    close: () => close(servers),
  };
}

async function bind(server: Server, port: number, host: string): Promise<Server> {
  server.listen(port, host);
  try {
    await once(server, 'listening');
    return server;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    const fix = 'stop the process that listens on it, or set another port (port 0 chooses a free one)';
    const message = `Port ${port} on ${host} is in use: ${fix}.`;
    throw new EmulatorError('address_in_use', message, { cause: error });
  }
}

async function close(servers: readonly Server[]): Promise<void> {
  await Promise.all(
    servers.map((server) => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      return closed;
    }),
  );
}

/**
 * Creates the Express application. The Express application only passes requests to operations and sends the responses
 * of the operations.
 */
async function createApp(state: EmulatorState): Promise<Express> {
  const express = await importExpress();
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.enable('case sensitive routing').enable('strict routing');

  app.use((req, _res, next) => state.serve(req.headers.host, next));
  app.use((_req, res, next) => {
    if (state.clock.drift !== 0) res.set('date', state.clock.date().toUTCString());
    next();
  });

  const addControl = (isOpen: boolean): void => {
    for (const operation of CONTROL_OPERATIONS.filter((each) => isOpen === (each.isOpen ?? false))) {
      app[operation.method](`${CONTROL_PATH}${operation.path}`, async (req, res) =>
        send(res, await runAndSave(state, runControl(operation, state, toRequest(req), req.params), operation.method)),
      );
    }
  };
  // The open operations come before the check of the caller.
  addControl(true);

  // This check runs before the body parsers, so the body of a refused request is not parsed.
  app.use(PAGE_PATH, (req, res, next) => {
    res.set({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
    res.set('cross-origin-resource-policy', 'same-origin');
    const { host, origin } = req.headers;
    const caller = { host, origin, address: req.socket.remoteAddress, scheme: buildScheme(state.config) };
    const refused = checkControlCaller(caller, hasForeignBody(req));
    if (refused) send(res, refused);
    else next();
  });

  const { appId, jwksAddress } = state.config;
  // The following routes come before the JSON parser, because their request body is a form or absent. The form is read
  // as text, because Express's form parser would hide duplicate parameters.
  const readForm = express.text({ type: FORM, limit: BODY_LIMIT });
  app.post(PATHS.token, readForm, serve(state, 'token', postToken));
  app.post(PATHS.introspection, readForm, serve(state, 'introspection', introspect));
  app.post(PATHS.revocation, readForm, serve(state, 'revocation', revoke));
  app.post(PATHS.userInfo, readForm, serve(state, 'userinfo', getUserInfo));
  app.get(PATHS.userInfo, serve(state, 'userinfo', getUserInfo));
  app.get(PATHS.endSession, serve(state, 'endsession', endSession));
  // The address of a newer application contains its ID.
  app.get([PATHS.authorization, buildAppPath(appId, PATHS.authorization)], serve(state, 'auth', authorize));
  app.get('/login', answerWith(state, showLogin));
  app.post('/interaction/oidc/:id/login', readForm, answerWith(state, postLogin));
  app.post('/interaction/oidc/:id/confirm', answerWith(state, postConfirm));
  app.post('/interaction/oidc/:id/abort', answerWith(state, postAbort));

  app.get([...PAGE_PATHS], answerWith(state, getPage));

  app.use(express.json({ limit: BODY_LIMIT }));
  app.post(PATHS.signIn, serve(state, 'signin', signIn));
  app.get(PATHS.system, serve(state, 'system', getSystem));
  app.get(PATHS.captcha, serve(state, 'captcha', getCaptcha));
  app.get(PATHS.discovery, serve(state, 'discovery', getDiscovery));
  if (jwksAddress !== 'app') app.get(PATHS.jwks, serve(state, 'jwks', getJwks));
  if (jwksAddress !== 'host') app.get(buildAppPath(appId, PATHS.jwks), serve(state, 'jwks', getJwks));
  addControl(false);
  app.use(CONTROL_PATH, (req, res) => send(res, answerUnknownControl(toRequest(req))));
  app.use(['/api', '/oidc'], (req, res, next) => {
    const request = toRequest(req);
    // With `jwksAddress: 'app'` a request for `PATHS.jwks` gets the HTTP status 404, not 501. A GenAuth tenant whose
    // key set is below the application ID also has no key set at this path.
    if (jwksAddress === 'app' && request.path === PATHS.jwks) return next();
    send(res, envelope(request, notImplemented(`${request.method} ${request.path}`)));
  });
  app.use((req, res) => {
    send(res, {
      ...envelope(toRequest(req), { statusCode: 404, message: 'The emulator does not serve this path.' }),
      status: 404,
    });
  });
  app.use(answerError);
  return app;
}

/** Wraps the operation of a page, which has no faults and no count of requests. */
function answerWith(state: EmulatorState, operation: Operation<EmulatorState>): RequestHandler {
  return async (req, res) => send(res, await runAndSave(state, operation(state, toRequest(req)), req.method));
}

/** The endpoints whose requests change what the option `stateFile` stores, apart from the counts of requests. */
const CHANGING: ReadonlySet<EmulatorEndpoint> = new Set(['signin', 'token', 'revocation', 'endsession', 'system']);

/**
 * Stores the state before a response is sent, so that a restarted emulator knows the token of every response.
 *
 * @param method - The method of the request. A request with `GET` changes nothing.
 */
async function runAndSave(
  state: EmulatorState,
  response: EmulatorResponse | Promise<EmulatorResponse>,
  method = 'post',
): Promise<EmulatorResponse> {
  const result = await response;
  if (method.toLowerCase() !== 'get') await state.save();
  return result;
}

/** Wraps the operation of an endpoint: counts each request, and applies the next fault of the endpoint. */
function serve(state: EmulatorState, endpoint: EmulatorEndpoint, operation: Operation<EmulatorState>): RequestHandler {
  return async (req, res) => {
    const request = toRequest(req);
    state.countRequest(endpoint);
    const fault = state.takeFault(endpoint);
    const answer = () => runAndSave(state, operation(state, request), CHANGING.has(endpoint) ? 'post' : 'get');
    if (!fault) return send(res, await answer());

    const closed = new AbortController();
    res.once('close', () => closed.abort());
    const isOpen = await waitFor(fault.delayMs, closed.signal);
    if (!isOpen || fault.drop) {
      if (endpoint === 'signin') state.journal.add(describeSignIn(request, 'fault'));
      req.socket.destroy();
      return;
    }
    const reply = fault.buildReply?.();
    if (reply && endpoint === 'signin') state.journal.add(describeSignIn(request, 'fault'));
    const { delivery } = fault;
    if (delivery) {
      const response = reply ? { ...reply, headers: {} } : prepareResponse(await answer());
      await sendFaulty(res, response, delivery, closed.signal);
    } else if (reply) {
      res.status(reply.status).type(reply.contentType).send(reply.body);
    } else {
      send(res, await answer());
    }
  };
}

/**
 * Sends the response for an error of a body parser or of an operation. The error messages of body-parser and
 * `JSON.parse` may contain parts of the request body, and the body may contain a password. So these messages are
 * replaced. Messages of `EmulatorError` are sent, because they name the package that must be installed.
 */
const answerError: ErrorRequestHandler = (error: { status?: unknown; type?: unknown }, req, res, _next) => {
  const request = toRequest(req);
  const statusCode = typeof error.status === 'number' ? error.status : 500;
  const isPublic = error instanceof EmulatorError && error.code !== 'state_file_unusable';
  // The path of the state file is for this machine only.
  if (error instanceof EmulatorError && !isPublic) process.emitWarning(error);
  const message = isPublic ? error.message : describeError(statusCode, error.type);
  if (request.path.startsWith('/oidc/')) {
    const code = statusCode < 500 ? 'invalid_request' : 'server_error';
    return send(res, new OAuthRefusal(statusCode, code, message).answer);
  }
  const answer = envelope(request, { statusCode, message });
  send(res, request.path.startsWith('/api/') && statusCode < 500 ? answer : { ...answer, status: statusCode });
};

function describeError(statusCode: number, type: unknown): string {
  if (type === 'entity.parse.failed') return 'The body is not a JSON object.';
  if (type === 'entity.too.large') return `The body is larger than ${BODY_LIMIT}.`;
  return statusCode < 500 ? 'The request could not be read.' : 'The emulator failed.';
}

function toRequest(req: Request): EmulatorRequest {
  const [address = '', query = ''] = req.originalUrl.split(/\?(.*)/s, 2);
  return {
    method: req.method,
    path: address.slice(0, 256),
    query,
    headers: req.headers,
    body: req.body as unknown,
    requestId: randomUUID(),
  };
}

function hasForeignBody(req: Request): boolean {
  // A request with `content-length: 0` has no body. `fetch` sends this header for a POST request without a body.
  // `req.is` (package type-is) treats the header as the sign of a body, so the length is checked first.
  return req.headers['content-length'] !== '0' && req.is('application/json') === false;
}

function send(res: Response, { status, headers = {}, body }: EmulatorResponse): void {
  res.status(status).set(headers);
  if (body === undefined) res.end();
  else if (typeof body === 'string') res.type(headers['content-type'] ?? 'html').send(body);
  else res.json(body);
}

/** Converts a response to the HTTP status, headers and bytes that {@link send} would send. */
function prepareResponse({ status, headers = {}, body = '' }: EmulatorResponse): PreparedResponse {
  const [type, text] = typeof body === 'string' ? ['text/html', body] : ['application/json', JSON.stringify(body)];
  return { status, headers, contentType: `${type}; charset=utf-8`, body: Buffer.from(text) };
}
