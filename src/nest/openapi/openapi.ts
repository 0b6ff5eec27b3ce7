import { type INestApplicationContext, VersioningType } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { GenAuthClient } from '../../core/client.js';
import { PATHS } from '../../core/wire/facts.js';
import type { Choice } from '../../web/authorization.js';
import { getApplication } from '../applications.js';
import { getProviderToken } from '../genauth.providers.js';
import { listGlobalGuards } from '../global-guards.js';
import { type GuardRole, findGuardRole, registerAuthGuards } from '../guard-registry.js';
import { type RouteAccess, listGuards, readRouteAccess } from '../route-access.js';
import { buildLoginBody, fillLoginSchemas } from './login-body.js';
import { REFUSAL, REFUSAL_SCHEMA, buildGuardResponses, buildLoginResponses } from './responses.js';
import { type Route, listRoutes } from './routes.js';

/**
 * An OpenAPI security requirement: the required scopes, by the name of the security scheme. A request must satisfy all
 * schemes of a requirement. If an operation has a list of requirements, the request must satisfy one of them.
 */
type SecurityRequirement = Record<string, string[]>;

/** An operation of the OpenAPI document: one HTTP method of one path. */
interface Operation {
  security?: SecurityRequirement[] | undefined;
  requestBody?: unknown;
  responses?: Record<string, unknown> | undefined;
}

/**
 * The part of an OpenAPI 3 document that `applyGenAuthSecurity` reads and writes. The type `OpenAPIObject` of
 * `@nestjs/swagger` is assignable to this interface.
 */
export interface OpenApiDocument {
  /**
   * The version of OpenAPI, for example `3.0.0`. With 3.1 or newer the scheme `genauth-bearer` also lists the scopes.
   */
  openapi?: string | undefined;
  /**
   * The operations, by path and by HTTP method. `applyGenAuthSecurity` adds `security` and the responses of the guard
   * to each guarded operation. To each login it adds the request body and the responses.
   */
  paths: Record<string, object>;
  /**
   * The shared parts of the document. `applyGenAuthSecurity` adds the security schemes, the schema of a refusal and the
   * schemas of the logins.
   */
  components?: object | undefined;
  /** The requirements of operations without their own `security`. A request must satisfy one entry of the list. */
  security?: SecurityRequirement[] | undefined;
}

interface Components {
  securitySchemes?: Record<string, unknown>;
  schemas?: Record<string, unknown>;
}

/** The guards of one route. */
interface GuardedRoute {
  demands: Demand[];
  /** The login guard of the route, or `undefined` if the route has none. */
  login: GuardRole | undefined;
}

/** The requirements of one route, combined from all guards of one GenAuth application. */
interface Demand {
  name: string;
  optional: boolean;
  scopes: Choice | undefined;
  /** The kinds of requirements on this route that a valid access token must meet: `scope`, `role`, `tenant`. */
  conditions: readonly string[];
}

type Clients = Map<string, GenAuthClient<string>>;

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'search', 'query'];
/** The HTTP methods whose requests have no body, or a body without meaning (RFC 9110 §9.3). */
const BODILESS_METHODS = ['get', 'delete', 'options', 'head', 'trace'];

/**
 * Writes the guards into an OpenAPI document. Call this function after `useGlobalGuards`.
 *
 * A guarded route gets `security` with the scopes, and the responses 401, 500, 502 and 503. It gets the response 403 if
 * it requires a scope, a role or a tenant, or if the client has the option `resolveUser`.
 *
 * A login route gets its request body, and the responses 400, 401, 403, 429, 500, 502 and 503. A route of the sign-in
 * on GenAuth's hosted page gets no request body, and the response 302 in place of 401 and 429. The request bodies have
 * the schemas `GenAuthLoginDto` and `GenAuthAdLoginDto`, with the field names of the client's option `fields`. If a
 * further client `staff` has other field names, its schema is called `GenAuthLoginDto.staff`.
 *
 * A guarded route gets two alternative security schemes for the same access token. `genauth` is an OpenID Connect
 * scheme with the scopes. `genauth-bearer` is for tools in which the developer enters a token. The function does not
 * change other security schemes, existing request bodies and responses, or operations without a controller.
 *
 * @returns The given `document`, which is changed.
 *
 * @example
 * ```ts
 * import type { INestApplication } from '@nestjs/common';
 * import { DocumentBuilder, SwaggerModule } from '@nestjs/swagger';
 * import { applyGenAuthSecurity } from 'passport-genauth/nest/openapi';
 *
 * export function setUpDocs(app: INestApplication): void {
 *   const document = SwaggerModule.createDocument(app, new DocumentBuilder().setTitle('Shop').build());
 *   SwaggerModule.setup('docs', app, applyGenAuthSecurity(document, app));
 * }
 * ```
 */
export function applyGenAuthSecurity<Document extends OpenApiDocument>(
  document: Document,
  app: INestApplicationContext,
): Document {
  const clients = findClients(app);
  // `GenAuthModule` registers the classes of `AuthGuard` when the Nest application starts. They are registered here
  // too, because the OpenAPI document can be created before the start.
  for (const name of clients.keys()) registerAuthGuards(name);
  const operations = listGuardedOperations(document, app);
  const names = new Set([...clients.keys(), ...operations.flatMap(({ demands }) => demands.map(({ name }) => name))]);
  const components = (document.components ??= {}) as Components;
  const schemas = (components.schemas ??= {});
  const [firstClient] = clients.values();
  if (firstClient !== undefined) fillLoginSchemas(schemas, firstClient);

  for (const { method, operation, demands, login } of operations) {
    const others = (operation.security ?? document.security ?? []).flatMap((each) => removeOwnSchemes(each, names));
    const ours = demands.map((demand) => toRequirements(demand, clients.has(demand.name), document.openapi));
    operation.security = [others, ...ours].filter(({ length }) => length > 0).reduce(combine, []);
    if (demands.length > 0) addResponses(operation, describeRefusals(demands, clients));
    const client = clients.get(login?.name ?? '');
    if (login === undefined || client === undefined) continue;
    const isRedirect = login.logins.includes('redirect');
    const hasBody = !isRedirect && !BODILESS_METHODS.includes(method);
    if (hasBody) operation.requestBody ??= buildLoginBody(schemas, client, login.logins);
    addResponses(operation, buildLoginResponses(isRedirect));
  }
  const schemes = (components.securitySchemes ??= {});
  for (const name of names) Object.assign(schemes, buildSchemes(name, clients.get(name)));
  if (names.size > 0) schemas[REFUSAL] = structuredClone(REFUSAL_SCHEMA);
  return document;
}

/** Returns the client of each imported `GenAuthModule`, by the `name` of the module. */
function findClients(app: INestApplicationContext): Clients {
  const clients: Clients = new Map();
  for (const { providers } of app.get(ModulesContainer).values()) {
    for (const { token, instance } of providers.values()) {
      if (!(instance instanceof GenAuthClient)) continue;
      const { name } = instance.options;
      if (token === getProviderToken('client', name)) clients.set(name, instance as GenAuthClient<string>);
    }
  }
  return clients;
}

/**
 * Returns the operations of the OpenAPI document whose route handlers are found, with the requirements of the guards.
 */
function listGuardedOperations(
  document: OpenApiDocument,
  app: INestApplicationContext,
): (GuardedRoute & { method: string; operation: Operation })[] {
  const [findRoute, readGuards] = [indexRoutes(app), openGuards(app)];
  return Object.entries(document.paths).flatMap(([path, item]) =>
    (Object.entries(item) as [string, Operation][]).flatMap(([method, operation]) => {
      const route = METHODS.includes(method) ? findRoute(method, path) : undefined;
      return route === undefined ? [] : [{ method, operation, ...readGuards(route) }];
    }),
  );
}

/** Returns a function that finds the Nest route for an operation of the OpenAPI document. */
function indexRoutes(app: INestApplicationContext): (method: string, path: string) => Route | undefined {
  const [byPath, byBarePath] = [new Map<string, Route[]>(), new Map<string, Route[]>()];
  for (const route of listRoutes(app)) {
    addTo(byPath, toShape(route.path), route);
    // In some OpenAPI documents the paths lack the global prefix of the Nest application.
    addTo(byBarePath, toShape(route.bare), route);
  }
  const versioning = app.get(ApplicationConfig).getVersioning();
  const isVersionInPath = versioning === undefined || versioning.type === VersioningType.URI;
  return (method, path) => {
    const shape = path.replaceAll(/\{[^}]*\}/g, '{}');
    const serves = (route: Route): boolean => route.method === method || route.method === 'all';
    const [found = []] = [byPath, byBarePath].map((index) => index.get(shape)?.filter(serves)).filter(isNotEmpty);
    // If the API version is in the path and several routes match, Nest uses the first route. If a header selects the
    // API version, all versions have the same path, and the OpenAPI document describes the last version.
    return found.at(isVersionInPath ? 0 : -1);
  };
}

function isNotEmpty(routes: Route[] | undefined): routes is Route[] {
  return routes !== undefined && routes.length > 0;
}

function addTo(index: Map<string, Route[]>, key: string, route: Route): void {
  index.set(key, [...(index.get(key) ?? []), route]);
}

/**
 * Converts a path in Nest's notation to OpenAPI's notation without the names of the parameters. For example
 * `/users/:id(\\d+)` becomes `/users/{}`, `/files/*path` becomes `/files/{}`, and `/posts{/:page}` becomes `/posts/{}`.
 */
function toShape(path: string): string {
  return path.replaceAll(/\([^)]*\)|[{}]/g, '').replaceAll(/[:*]\w+|\*/g, '{}');
}

/**
 * Returns a function that reads the guards of a route: the requirements, with one entry for each GenAuth application,
 * and the login guard.
 */
function openGuards(app: INestApplicationContext): (route: Route) => GuardedRoute {
  const globalGuards = listGlobalGuards(app.get(ApplicationConfig));
  const application = getApplication(app.get(HttpAdapterHost));
  return ({ controller, handler }) => {
    const guards = [...globalGuards, ...[controller, handler].flatMap((target) => listGuards(target))];
    const demands = new Map<string, Demand>();
    let login: GuardRole | undefined;
    for (const guard of guards) {
      const role = findGuardRole(guard, application);
      if (role === undefined) continue;
      if (role.kind === 'sign-in') {
        login = role;
        continue;
      }
      const access: RouteAccess =
        role.kind === 'bearer' ? readRouteAccess(role.name, [handler, controller], application) : { optional: false };
      if (access === 'open') continue;
      const { optional, scopes, roles, tenant } = access;
      const known = demands.get(role.name);
      const conditions = Object.entries({ scope: scopes, role: roles, tenant }).filter(
        ([, each]) => each !== undefined,
      );
      demands.set(role.name, {
        name: role.name,
        optional: optional && known?.optional !== false,
        scopes: scopes ?? known?.scopes,
        conditions: [...new Set([...(known?.conditions ?? []), ...conditions.map(([what]) => what)])],
      });
    }
    return { demands: [...demands.values()], login };
  };
}

const toBearerScheme = (name: string): string => `${name}-bearer`;

function toRequirements({ name, optional, scopes }: Demand, isKnown: boolean, version = ''): SecurityRequirement[] {
  const alternatives = scopes?.mode === 'any' ? scopes.names.map((each) => [each]) : [[...(scopes?.names ?? [])]];
  return [
    ...(optional ? [{}] : []),
    ...(isKnown ? alternatives.map((needed) => ({ [name]: needed })) : []),
    // Before OpenAPI 3.1 only security schemes for OAuth 2.0 and OpenID Connect can list scopes.
    ...(/^3\.[1-9]/.test(version) ? alternatives : [[]]).map((needed) => ({ [toBearerScheme(name)]: needed })),
  ];
}

/**
 * Combines each alternative of the first list with each alternative of the second list. So a request must satisfy one
 * alternative of each list.
 */
function combine(first: SecurityRequirement[], second: SecurityRequirement[]): SecurityRequirement[] {
  if (first.length === 0) return second;
  return first.flatMap((one) => second.map((other) => ({ ...one, ...other })));
}

/**
 * Removes the security schemes of passport-genauth, so that a second call of `applyGenAuthSecurity` gives the same
 * OpenAPI document.
 */
function removeOwnSchemes(requirement: SecurityRequirement, names: ReadonlySet<string>): SecurityRequirement[] {
  const ours = [...names].flatMap((name) => [name, toBearerScheme(name)]);
  const schemes = Object.entries(requirement);
  const others = schemes.filter(([scheme]) => !ours.includes(scheme));
  // An empty security requirement is kept, because it allows requests without credentials.
  return others.length > 0 || schemes.length === 0 ? [Object.fromEntries(others)] : [];
}

function buildSchemes(name: string, client: GenAuthClient<string> | undefined): Record<string, object> {
  const bearer = { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The access token of GenAuth.' };
  const openIdConnectUrl = `${client?.options.appHost}${PATHS.discovery}`;
  return {
    ...(client !== undefined && {
      [name]: { type: 'openIdConnect', openIdConnectUrl, description: 'Sign in with GenAuth to get an access token.' },
    }),
    [toBearerScheme(name)]: bearer,
  };
}

/** Returns the responses of the guards of one route. */
function describeRefusals(demands: readonly Demand[], clients: Clients): Record<string, unknown> {
  const isOptional = demands.every(({ optional }) => optional);
  const conditions = [...new Set(demands.flatMap((demand) => demand.conditions))];
  const resolvesUser = demands.some(({ name }) => clients.get(name)?.options.resolveUser !== undefined);
  return buildGuardResponses(isOptional, conditions, resolvesUser);
}

/** Adds the responses that the operation does not have. */
function addResponses(operation: Operation, responses: Record<string, unknown>): void {
  operation.responses = { ...responses, ...operation.responses };
}
