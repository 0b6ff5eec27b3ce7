import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import type { ErrorRequestHandler, Express, Request, RequestHandler, Response } from 'express';
import { buildAppJwksPath, PATHS } from '../core/wire.js';
import { getCaptcha } from './captchas.js';
import { CONTROL_OPERATIONS, CONTROL_PATH, checkControlCaller, runControl } from './control.js';
import { getDiscovery, getJwks } from './discovery.js';
import { EmulatorError } from './errors.js';
import type { EmulatorEndpoint } from './faults.js';
import { type EmulatorRequest, type EmulatorResponse, envelope, notImplemented, type Operation } from './operation.js';
import { importOptional } from './optional-dependency.js';
import { describeSignIn, signIn } from './sign-in.js';
import type { EmulatorState } from './state.js';
import { getSystem } from './system.js';

/** A listening emulator. */
export interface Listener {
  readonly port: number;
  /** Ends every connection, idle or busy, and with it every delay that a fault is waiting for. */
  close(): Promise<void>;
}

const BODY_LIMIT = '100kb';

/** @throws EmulatorError `address_in_use`, `express_missing` */
export async function listen(state: EmulatorState): Promise<Listener> {
  const { host, port } = state.config;
  const server = createServer(await createApp(state));
  server.listen(port, host);
  try {
    await once(server, 'listening');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    const message = `Port ${port} on ${host} is in use: stop what listens there, or choose another port (0 takes any free one).`;
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

  // Before the body is read: what may not call is not parsed either.
  app.use(CONTROL_PATH, (req, res, next) => {
    const refused = checkControlCaller({ host: req.headers.host, origin: req.headers.origin }, hasForeignBody(req));
    if (refused) send(res, refused);
    else next();
  });
  app.use(express.json({ limit: BODY_LIMIT }));

  app.post(PATHS.signIn, serve(state, 'signin', signIn));
  app.get(PATHS.system, serve(state, 'system', getSystem));
  app.get(PATHS.captcha, serve(state, 'captcha', getCaptcha));
  app.get(PATHS.discovery, serve(state, 'discovery', getDiscovery));
  app.get(PATHS.jwks, serve(state, 'jwks', getJwks));
  app.get(buildAppJwksPath(state.config.appId), serve(state, 'jwks', getJwks));
  for (const operation of CONTROL_OPERATIONS) {
    app[operation.method](`${CONTROL_PATH}${operation.path}`, async (req, res) =>
      send(res, await runControl(operation, state, toRequest(req))),
    );
  }
  app.use(['/api', '/oidc'], (req, res) => {
    const request = toRequest(req);
    send(res, envelope(request, notImplemented(`${request.method} ${request.path}`)));
  });
  app.use((req, res) => {
    send(res, { ...envelope(toRequest(req), { statusCode: 404, message: 'There is nothing here.' }), status: 404 });
  });
  app.use(answerError);
  return app;
}

/** An endpoint that is counted and that faults can meet. */
function serve(state: EmulatorState, endpoint: EmulatorEndpoint, operation: Operation): RequestHandler {
  return async (req, res) => {
    const gone = new AbortController();
    res.once('close', () => gone.abort());
    const request = toRequest(req);
    state.countRequest(endpoint);
    const fault = state.takeFault(endpoint);
    if (fault) {
      const waited = await wait(fault.delayMs, gone.signal);
      if (!waited || fault.drop || fault.reply) {
        if (endpoint === 'signin') state.recordSignIn(describeSignIn(request, 'fault'));
        if (fault.reply && waited) res.status(fault.reply.status).type(fault.reply.contentType).send(fault.reply.body);
        else req.socket.destroy();
        return;
      }
    }
    send(res, await operation(state, request));
  };
}

/** @returns whether the caller is still there at the end */
async function wait(delayMs: number, gone: AbortSignal): Promise<boolean> {
  if (delayMs === 0) return true;
  try {
    return await setTimeout(delayMs, true, { signal: gone });
  } catch {
    return false;
  }
}

/**
 * The messages of body-parser and JSON.parse quote the body, which may hold a password: none of them is passed on. The
 * emulator's own are, as somebody has to install what they name.
 */
const answerError: ErrorRequestHandler = (error: { status?: unknown; type?: unknown }, req, res, _next) => {
  const request = toRequest(req);
  const statusCode = typeof error.status === 'number' ? error.status : 500;
  const message = error instanceof EmulatorError ? error.message : describeError(statusCode, error.type);
  const answer = envelope(request, { statusCode, message });
  send(res, request.path.startsWith('/api/') && statusCode < 500 ? answer : { ...answer, status: statusCode });
};

function describeError(statusCode: number, type: unknown): string {
  if (type === 'entity.parse.failed') return 'The body is not a JSON object.';
  if (type === 'entity.too.large') return `The body is larger than ${BODY_LIMIT}.`;
  return statusCode < 500 ? 'The request could not be read.' : 'The emulator failed.';
}

function toRequest(req: Request): EmulatorRequest {
  const path = req.originalUrl.split('?')[0]?.slice(0, 256) ?? '';
  return { method: req.method, path, headers: req.headers, body: req.body as unknown, requestId: randomUUID() };
}

function hasForeignBody(req: Request): boolean {
  // type-is takes an empty body for one, and fetch announces it.
  return req.headers['content-length'] !== '0' && req.is('application/json') === false;
}

function send(res: Response, { status, body }: EmulatorResponse): void {
  res.status(status).json(body);
}
