import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import express from 'express';
import { GenAuthClient, GenAuthPasswordStrategy, requireAuth, signInHandler } from '../../src/index.js';
import { instrumentGenAuth } from '../../src/otel/index.js';
import { useEmulator } from '../emulator/support.js';
import { send } from '../support/nest-app.js';
import { useWebServer } from '../support/web-server.js';

const emulator = useEmulator();
const serve = useWebServer();
const spans = new InMemorySpanExporter();
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(spans)] });
const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter });
const meterProvider = new MeterProvider({ readers: [reader] });
const manager = new AsyncLocalStorageContextManager();
let stop: () => void;
beforeAll(() => {
  context.setGlobalContextManager(manager.enable());
  stop = instrumentGenAuth({ tracerProvider, meterProvider });
});
afterAll(async () => {
  stop();
  context.disable();
  await meterProvider.shutdown();
});
beforeEach(() => {
  spans.reset();
  exporter.reset();
});

/** An application whose requests have a span each, as the instrumentation of HTTP makes them. */
async function open() {
  const client = new GenAuthClient({ ...emulator().clientOptions, scope: ['openid', 'offline_access'] });
  const app = express().use(express.json());
  const tracer = tracerProvider.getTracer('test');
  app.use((req, res, next) => {
    const span = tracer.startSpan(`${req.method} ${req.path}`);
    res.on('finish', () => span.end());
    context.with(trace.setSpan(context.active(), span), next);
  });
  app.post('/login', signInHandler(new GenAuthPasswordStrategy(client)), (req, res) => {
    const { tokens } = req.authInfo as { tokens: object };
    res.json(tokens);
  });
  app.get('/me', requireAuth(client), (_req, res) => void res.json({}));
  const url = await serve(app);
  const login = (password = 'passw0rd') =>
    send(`${url}/login`, { method: 'POST', body: { account: 'alice', password } });
  const me = (token: unknown) => send(`${url}/me`, { headers: { authorization: `Bearer ${String(token)}` } });
  return { client, login, me };
}

/** The names of the spans, with the name of the parent of each. */
const tree = (): string[] => {
  const all = spans.getFinishedSpans();
  const find = (id: string | undefined): ReadableSpan | undefined =>
    all.find((each) => each.spanContext().spanId === id);
  return all.map((span) => `${find(span.parentSpanContext?.spanId)?.name ?? '-'} > ${span.name}`).sort();
};
const statusOf = (name: string): unknown => spans.getFinishedSpans().find((span) => span.name === name)?.status;

/** The points of a metric: the attributes and the value or the count of each. */
async function readMetric(name: string) {
  await reader.forceFlush();
  const found = exporter
    .getMetrics()
    .flatMap(({ scopeMetrics }) => scopeMetrics)
    .flatMap(({ metrics }) => metrics);
  const points = found.filter(({ descriptor }) => descriptor.name === name).at(-1)?.dataPoints ?? [];
  return points.map(({ attributes, value }) => ({
    attributes,
    value: typeof value === 'number' ? value : (value as { count: number }).count,
  }));
}

it('reports a login and a guarded request in the trace of the request', async () => {
  const { client, login, me } = await open();
  const { body } = await login();
  expect((await me(body['accessToken'])).status).toBe(200);
  expect(tree()).toEqual([
    '- > GET /me',
    '- > POST /login',
    'GET /me > genauth verify',
    'POST /login > GET /oidc/.well-known/jwks.json',
    'POST /login > GET /oidc/.well-known/openid-configuration',
    'POST /login > POST /api/v3/signin',
    'POST /login > genauth sign-in',
  ]);
  const signIn = spans.getFinishedSpans().find(({ name }) => name === 'genauth sign-in');
  expect(signIn).toMatchObject({
    status: { code: 0 },
    attributes: { 'genauth.result': 'success', 'genauth.connection': 'PASSWORD' },
  });
  expect(signIn?.duration[0]).toBe(0);
  const app = { 'genauth.app_id': emulator().appId };
  expect(await readMetric('genauth.sign_in.duration')).toMatchObject([
    { attributes: { ...app, 'genauth.result': 'success' }, value: 1 },
  ]);
  expect(await readMetric('genauth.keys.age')).toMatchObject([
    { attributes: app, value: expect.any(Number) as number },
  ]);
  await client.close();
});

it('reports a refused request, and a wrong password as no error of the application', async () => {
  const { client, login, me } = await open();
  await login('wrong');
  await me('canary-token');
  expect(statusOf('genauth sign-in')).toEqual({ code: 0 });
  expect(statusOf('genauth verify')).toEqual({ code: 2, message: 'token_malformed' });
  const refusals = await readMetric('genauth.refusals');
  expect(refusals).toMatchObject([
    { attributes: { 'genauth.reason': 'invalid_credentials', 'http.route': 'POST /login' }, value: 1 },
    { attributes: { 'genauth.reason': 'token_malformed', 'http.response.status_code': 401 }, value: 1 },
  ]);
  const events = spans.getFinishedSpans().flatMap((span) => span.events.map(({ name }) => `${span.name}: ${name}`));
  expect(events).toEqual(['POST /login: genauth refusal', 'GET /me: genauth refusal']);
  const shown = JSON.stringify([
    spans.getFinishedSpans().map(({ name, attributes, events: of }) => [name, attributes, of]),
    refusals,
  ]);
  expect(shown).not.toMatch(/canary|wrong|passw0rd|alice|127\.0\.0\.1:\d+\/login/);
  await client.close();
});

it('reports an outage', async () => {
  const { client, login } = await open();
  emulator().fault({ endpoint: 'signin', status: 503 });
  expect((await login()).status).toBe(503);
  emulator().fault({ endpoint: 'signin', drop: true });
  expect((await login()).status).toBe(503);
  const errors = spans.getFinishedSpans().filter(({ status }) => status.code === 2);
  expect(errors.map(({ name, status }) => [name, status.message])).toEqual([
    ['POST /api/v3/signin', '503'],
    ['genauth sign-in', 'upstream_unavailable'],
    ['POST /api/v3/signin', 'upstream_unreachable'],
    ['genauth sign-in', 'upstream_unreachable'],
  ]);
  const requests = await readMetric('genauth.request.duration');
  const failed = requests.filter(({ attributes }) => attributes['url.path'] === '/api/v3/signin');
  expect(failed).toEqual(
    expect.arrayContaining([
      expect.objectContaining({ attributes: expect.objectContaining({ 'http.response.status_code': 503 }) as object }),
      expect.objectContaining({
        attributes: expect.objectContaining({ 'error.type': 'upstream_unreachable' }) as object,
      }),
    ]),
  );
  await client.close();
});

it('reports refreshes, user info and failures of a store', async () => {
  const fail = (): Promise<never> => Promise.reject(new Error('down'));
  const store = { get: fail, set: fail, add: fail, remove: fail };
  const client = new GenAuthClient({
    ...emulator().clientOptions,
    scope: ['openid', 'offline_access'],
    userClaims: 'userinfo',
    refreshStore: store,
    storeSecret: 'secret-of-the-test-0123456789abcdef',
  });
  const outcome = await client.signIn({ account: 'alice', password: 'passw0rd' });
  const { refreshToken = '' } = outcome.kind === 'success' ? outcome.tokens : {};
  const { tokens } = await client.refresh(refreshToken);
  await client.refresh('unknown').catch(() => undefined);
  await client.userInfo(tokens.accessToken);
  const results = (await readMetric('genauth.refresh.duration')).map(({ attributes }) => attributes['genauth.result']);
  expect(new Set(results)).toEqual(new Set(['success', 'refresh_token_refused']));
  expect(await readMetric('genauth.store.changes')).toMatchObject([
    { attributes: { 'genauth.store': 'refreshStore', 'genauth.kind': 'down' }, value: 1 },
  ]);
  await client.close();
});

it('reports nothing after the end', async () => {
  stop();
  const { client, login } = await open();
  await login();
  expect(tree()).toEqual(['- > POST /login']);
  await client.close();
  stop = instrumentGenAuth({ tracerProvider, meterProvider });
});
