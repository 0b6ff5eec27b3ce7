import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import {
  type Attributes,
  type Meter,
  type MeterProvider,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  type TracerProvider,
  context,
  metrics,
  trace,
} from '@opentelemetry/api';
import type { GenAuthEvents } from '../core/events.js';

/** The options of {@link instrumentGenAuth}. */
export interface InstrumentationOptions {
  /** Default: the global tracer provider. */
  tracerProvider?: TracerProvider | undefined;
  /** Default: the global meter provider. */
  meterProvider?: MeterProvider | undefined;
}

const NAME = 'passport-genauth';

/**
 * Reports the events of passport-genauth to OpenTelemetry. Call it once when the process starts, after the SDK of
 * OpenTelemetry. Without this call, passport-genauth loads nothing of OpenTelemetry.
 *
 * Spans join the trace of the request: `genauth sign-in`, `genauth refresh`, `genauth user-info`, `genauth verify`, and
 * one for each HTTP exchange with GenAuth, for example `POST /api/v3/signin`. The metrics begin with `genauth.`. No
 * span and no metric contains a password, a token, an account or an IP address.
 *
 * @returns A function that ends the reports.
 *
 * @example
 * ```ts
 * import { instrumentGenAuth } from 'passport-genauth/otel';
 *
 * // After `sdk.start()` of OpenTelemetry.
 * instrumentGenAuth();
 * ```
 */
export function instrumentGenAuth({ tracerProvider, meterProvider }: InstrumentationOptions = {}): () => void {
  const tracer = (tracerProvider ?? trace).getTracer(NAME);
  const meter = (meterProvider ?? metrics).getMeter(NAME);
  const reporters = createReporters(tracer, meter);
  const handlers = Object.entries(reporters.handlers).map(
    ([name, handle]) => [name, (event: unknown) => handle(event as never)] as const,
  );
  for (const [name, handle] of handlers) subscribe(name, handle);
  return () => {
    for (const [name, handle] of handlers) unsubscribe(name, handle);
    reporters.stop();
  };
}

type Handlers = { [Name in keyof GenAuthEvents]: (event: GenAuthEvents[Name]) => void };

function createReporters(tracer: Tracer, meter: Meter): { handlers: Handlers; stop: () => void } {
  const time = (name: string, description: string) =>
    meter.createHistogram(`genauth.${name}.duration`, { description, unit: 's' });
  const count = (name: string, description: string) => meter.createCounter(`genauth.${name}`, { description });
  const signIns = time('sign_in', 'Duration of sign-ins, by outcome.');
  const requests = time('request', 'Duration of the HTTP exchanges with GenAuth, by endpoint and status.');
  const refreshes = time('refresh', 'Duration of token refreshes, by result.');
  const userInfos = time('user_info', 'Duration of requests for user info, by result.');
  const verifications = time('verification', 'Duration of the verification of access tokens, by result.');
  const refusals = count('refusals', 'Refused requests to login routes and guarded routes, by reason.');
  const keyChanges = count('keys.changes', 'Fetches of the key set and their failures.');
  const storeChanges = count('store.changes', 'Failures of shared stores, and their ends.');
  const age = meter.createObservableGauge('genauth.keys.age', {
    description: 'Time since the last successful fetch of the key set.',
    unit: 's',
  });
  /** The time of the last fetch of the key set of each application, in milliseconds since 1970. */
  const fetched = new Map<string, number>();
  const observe: Parameters<typeof age.addCallback>[0] = (result) => {
    for (const [appId, at] of fetched) result.observe((Date.now() - at) / 1000, { 'genauth.app_id': appId });
  };
  age.addCallback(observe);

  /** Reports a span that has just ended. It belongs to the request in whose context the event was published. */
  const span = (
    name: string,
    duration: number,
    attributes: Attributes,
    error?: string,
    kind = SpanKind.INTERNAL,
  ): void => {
    const now = Date.now();
    const options = { kind, attributes, startTime: now - duration };
    const ended = tracer.startSpan(name, options, context.active());
    if (error !== undefined) ended.setStatus({ code: SpanStatusCode.ERROR, message: error });
    ended.end(now);
  };
  const toError = (result: string): string | undefined => (result === 'success' ? undefined : result);

  const handlers: Handlers = {
    'genauth:sign-in': ({ appId, connection, result, statusCode, apiCode, duration }) => {
      const attributes = { 'genauth.app_id': appId, 'genauth.connection': connection, 'genauth.result': result };
      signIns.record(duration / 1000, attributes);
      const codes = { 'genauth.status_code': statusCode, 'genauth.api_code': apiCode } as Attributes;
      span('genauth sign-in', duration, { ...attributes, ...codes }, isFault(result) ? result : undefined);
    },
    'genauth:refusal': ({ appId, status, code, reason, route }) => {
      const attributes = { 'http.response.status_code': status, 'genauth.code': code, 'genauth.reason': reason };
      const optional = { 'genauth.app_id': appId, 'http.route': route } as Attributes;
      refusals.add(1, { ...attributes, ...optional });
      trace.getActiveSpan()?.addEvent('genauth refusal', { ...attributes, ...optional });
    },
    'genauth:keys': ({ appId, kind, reason }) => {
      if (kind === 'fetched') fetched.set(appId, Date.now());
      keyChanges.add(1, { 'genauth.app_id': appId, 'genauth.kind': kind, 'genauth.reason': reason } as Attributes);
    },
    'genauth:refresh': ({ appId, result, duration }) => {
      const attributes = { 'genauth.app_id': appId, 'genauth.result': result };
      refreshes.record(duration / 1000, attributes);
      span('genauth refresh', duration, attributes, toError(result));
    },
    'genauth:user-info': ({ appId, result, duration }) => {
      const attributes = { 'genauth.app_id': appId, 'genauth.result': result };
      userInfos.record(duration / 1000, attributes);
      span('genauth user-info', duration, attributes, toError(result));
    },
    'genauth:verification': ({ appId, result, duration }) => {
      const attributes = { 'genauth.app_id': appId, 'genauth.result': result };
      verifications.record(duration / 1000, attributes);
      span('genauth verify', duration, attributes, toError(result));
    },
    'genauth:store': ({ appId, store, kind }) =>
      storeChanges.add(1, { 'genauth.app_id': appId, 'genauth.store': store, 'genauth.kind': kind }),
    'genauth:request': ({ origin, method, path, status, result, duration }) => {
      const { hostname, port, protocol } = new URL(origin);
      const isDown = (status ?? 0) >= 500;
      const error = result !== 'answered' ? result : isDown ? String(status) : undefined;
      // The names of OpenTelemetry's conventions for HTTP clients.
      const attributes = {
        'http.request.method': method,
        'server.address': hostname,
        'server.port': Number(port || (protocol === 'https:' ? 443 : 80)),
        'url.path': path,
        'http.response.status_code': status,
        'error.type': error,
      } as Attributes;
      requests.record(duration / 1000, attributes);
      const full = { ...attributes, 'url.full': origin + path };
      span(`${method} ${path}`, duration, full, error, SpanKind.CLIENT);
    },
  };
  return { handlers, stop: () => age.removeCallback(observe) };
}

/** Whether the result of a sign-in is a failure of GenAuth or of the configuration, and no outcome of the user. */
function isFault(result: string): boolean {
  return !OUTCOMES.has(result);
}

const OUTCOMES: ReadonlySet<string> = new Set([
  'success',
  'invalid_credentials',
  'captcha_required',
  'mfa_required',
  'password_change_required',
  'identity_binding_required',
  'profile_completion_required',
  'account_locked',
  'access_denied',
  'rate_limited',
  'rejected',
  'sign_in_expired',
] satisfies GenAuthEvents['genauth:sign-in']['result'][]);
