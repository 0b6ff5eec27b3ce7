import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ErrorRequestHandler, Express, Request, RequestHandler, Response } from 'express';
import { buildAppJwksPath, PATHS } from '../../core/wire/facts.js';
import { getCaptcha } from '../public/captcha.js';
import { checkControlCaller } from '../control/caller.js';
import { CONTROL_OPERATIONS, CONTROL_PATH, runControl } from '../control/control.js';
import { getDiscovery, getJwks } from '../oidc/discovery.js';
import { endSession } from '../oidc/end-session.js';
import { EmulatorError } from '../errors.js';
import type { EmulatorEndpoint } from '../state/faults.js';
import { introspect } from '../oidc/introspection.js';
import { OAuthRefusal } from '../oidc/oauth-refusal.js';
import { type EmulatorRequest, type EmulatorResponse, envelope, notImplemented, type Operation } from './operation.js';
import { importOptional } from '../optional-dependency.js';
import { FORM } from '../oidc/parameters.js';
import { revoke } from '../oidc/revocation.js';
import { type Message, sendFaulty, waitFor } from './faulty-response.js';
import { describeSignIn, signIn } from '../sign-in/sign-in.js';
import type { EmulatorState } from '../state/state.js';
import { getSystem } from '../public/system.js';
import { postToken } from '../oidc/token-endpoint.js';
import { getUserInfo } from '../oidc/user-info.js';

/** A listening emulator. */
export interface Listener {
  readonly port: number;
  /** Ends every connection, idle or busy, and with it every delay that a fault is waiting for. */
  close(): Promise<void>;
}

const BODY_LIMIT = '100kb';

/**
 * @param ready what must be done before the server listens. Express is loaded at the same time.
 * @throws EmulatorError `address_in_use`, `express_missing`
 */
export async function listen(state: EmulatorState, ready?: Promise<unknown>): Promise<Listener> {
  const { host, port } = state.config;
  const [app] = await Promise.all([createApp(state), ready]);
  const server = createServer(app);
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    const fix = 'stop the process that listens there, or choose another port (0 takes any free one)';
    const message = `Port ${port} on ${host} is in use: ${fix}.`;
    throw new EmulatorError('address_in_use', message, { cause: error });
  }
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Hands requests to operations and their answers to sockets; it decides nothing else. */
async function createApp(state: EmulatorState): Promise<Express> {
  const express = await importOptional('express', () => import('express'));
  const app = express();
  app.disable('x-powered-by').disable('etag');
  app.enable('case sensitive routing').enable('strict routing');

  app.use((_req, res, next) => {
    if (state.clock.drift !== 0) res.set('date', state.clock.date().toUTCString());
    next();
  });

  // Before the body is read: the body of a refused request is not parsed.
  app.use(CONTROL_PATH, (req, res, next) => {
    const { host, origin } = req.headers;
    const refused = checkControlCaller({ host, origin, address: req.socket.remoteAddress }, hasForeignBody(req));
    if (refused) send(res, refused);
    else next();
  });

  // Before JSON is read: here a body is a form or none. It is read as text, because a parsed form would hide
  // duplicates.
  const readForm = express.text({ type: FORM, limit: BODY_LIMIT });
  app.post(PATHS.token, readForm, serve(state, 'token', postToken));
  app.post(PATHS.introspection, readForm, serve(state, 'introspection', introspect));
  app.post(PATHS.revocation, readForm, serve(state, 'revocation', revoke));
  app.post(PATHS.userInfo, readForm, serve(state, 'userinfo', getUserInfo));
  app.get(PATHS.userInfo, serve(state, 'userinfo', getUserInfo));
  app.get(PATHS.endSession, serve(state, 'endsession', endSession));

  app.use(express.json({ limit: BODY_LIMIT }));
  app.post(PATHS.signIn, serve(state, 'signin', signIn));
  app.get(PATHS.system, serve(state, 'system', getSystem));
  app.get(PATHS.captcha, serve(state, 'captcha', getCaptcha));
  app.get(PATHS.discovery, serve(state, 'discovery', getDiscovery));
  const { appId, jwksAddress } = state.config;
  if (jwksAddress !== 'app') app.get(PATHS.jwks, serve(state, 'jwks', getJwks));
  if (jwksAddress !== 'host') app.get(buildAppJwksPath(appId), serve(state, 'jwks', getJwks));
  for (const operation of CONTROL_OPERATIONS) {
    app[operation.method](`${CONTROL_PATH}${operation.path}`, async (req, res) =>
      send(res, await runControl(operation, state, toRequest(req), req.params)),
    );
  }
  app.use(['/api', '/oidc'], (req, res, next) => {
    const request = toRequest(req);
    // Not 501: a GenAuth with its key set elsewhere has nothing at this address.
    if (jwksAddress === 'app' && request.path === PATHS.jwks) return next();
    send(res, envelope(request, notImplemented(`${request.method} ${request.path}`)));
  });
  app.use((req, res) => {
    send(res, { ...envelope(toRequest(req), { statusCode: 404, message: 'There is nothing here.' }), status: 404 });
  });
  app.use(answerError);
  return app;
}

/** Serves an endpoint that is counted and that can have faults. */
function serve(state: EmulatorState, endpoint: EmulatorEndpoint, operation: Operation<EmulatorState>): RequestHandler {
  return async (req, res) => {
    const request = toRequest(req);
    state.countRequest(endpoint);
    const fault = state.takeFault(endpoint);
    if (!fault) return send(res, await operation(state, request));

    const gone = new AbortController();
    res.once('close', () => gone.abort());
    const waited = await waitFor(fault.delayMs, gone.signal);
    if (!waited || fault.drop) {
      if (endpoint === 'signin') state.journal.add(describeSignIn(request, 'fault'));
      req.socket.destroy();
      return;
    }
    const reply = fault.buildReply?.();
    if (reply && endpoint === 'signin') state.journal.add(describeSignIn(request, 'fault'));
    const { sending } = fault;
    if (sending) {
      const message = reply ? { ...reply, headers: {} } : toMessage(await operation(state, request));
      await sendFaulty(res, message, sending, gone.signal);
    } else if (reply) {
      res.status(reply.status).type(reply.contentType).send(reply.body);
    } else {
      send(res, await operation(state, request));
    }
  };
}

/**
 * Messages of body-parser and JSON.parse quote the body, which may hold a password, so none of them is passed on.
 * Messages of the emulator are, because they name the package to install.
 */
const answerError: ErrorRequestHandler = (error: { status?: unknown; type?: unknown }, req, res, _next) => {
  const request = toRequest(req);
  const statusCode = typeof error.status === 'number' ? error.status : 500;
  const message = error instanceof EmulatorError ? error.message : describeError(statusCode, error.type);
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
  // type-is takes an empty body for one, and fetch announces it.
  return req.headers['content-length'] !== '0' && req.is('application/json') === false;
}

function send(res: Response, { status, headers = {}, body }: EmulatorResponse): void {
  res.status(status).set(headers);
  if (body === undefined) res.end();
  else if (typeof body === 'string') res.type('html').send(body);
  else res.json(body);
}

/** The same answer as {@link send} would give, as bytes. */
function toMessage({ status, headers = {}, body = '' }: EmulatorResponse): Message {
  const [type, text] = typeof body === 'string' ? ['text/html', body] : ['application/json', JSON.stringify(body)];
  return { status, headers, contentType: `${type}; charset=utf-8`, body: Buffer.from(text) };
}
