import { type INestApplicationContext, VersioningType } from '@nestjs/common';
import { ApplicationConfig, HttpAdapterHost, ModulesContainer } from '@nestjs/core';
import { GenAuthClient } from '../../core/client.js';
import { PATHS } from '../../core/wire/facts.js';
import type { Choice } from '../../web/authorization.js';
import { getApplication } from '../applications.js';
import { getProviderToken } from '../genauth.providers.js';
import { listGlobalGuards } from '../global-guards.js';
import { findGuardRole, registerAuthGuards } from '../guard-registry.js';
import { type RouteAccess, listGuards, readRouteAccess } from '../route-access.js';
import { type Route, listRoutes } from './routes.js';

/**
 * An OpenAPI security requirement: the required scopes, by the name of the security scheme. A request must satisfy all
 * schemes of a requirement. If an operation has a list of requirements, the request must satisfy one of them.
 */
type SecurityRequirement = Record<string, string[]>;

/** An operation of the OpenAPI document: one HTTP method of one path. */
interface Operation {
  security?: SecurityRequirement[] | undefined;
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
   * The operations, by path and by HTTP method. To each guarded operation, `applyGenAuthSecurity` adds `security` and
   * the response 401. It adds the response 403 if the route requires a scope, a role or a tenant.
   */
  paths: Record<string, object>;
  /** The shared parts of the document. `applyGenAuthSecurity` adds the security schemes and the schema of a refusal. */
  components?: object | undefined;
  /** The requirements of operations without their own `security`. A request must satisfy one entry of the list. */
  security?: SecurityRequirement[] | undefined;
}

interface Components {
  securitySchemes?: Record<string, unknown>;
  schemas?: Record<string, unknown>;
}

/** The requirements of one route, combined from all guards of one GenAuth application. */
interface Demand {
  name: string;
  optional: boolean;
  scopes: Choice | undefined;
  /** The kinds of requirements on this route that a valid access token must meet: `scope`, `role`, `tenant`. */
  conditions: readonly string[];
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'search', 'query'];
const REFUSAL = 'GenAuthRefusal';
const REFUSAL_SCHEMA = {
  type: 'object',
  required: ['statusCode', 'error', 'message', 'code'],
  properties: {
    statusCode: { type: 'integer' },
    error: { type: 'string', description: 'The reason phrase of the status.' },
    message: { type: 'string', description: 'Text for the end user.' },
    code: { type: 'string', description: 'Stable code for programs.' },
  },
};

/**
 * Writes the requirements of the guards into an OpenAPI document: for each guarded route `security` with the scopes,
 * and the response 401. A route that requires a scope, a role or a tenant also gets the response 403. Call this
 * function after `useGlobalGuards`.
 *
 * A guarded route gets two alternative security schemes for the same access token. `genauth` is an OpenID Connect
 * scheme with the scopes. `genauth-bearer` is for tools in which the developer enters a token. The function does not
 * change other security schemes, existing responses 401 and 403, or operations without a controller.
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

  for (const { operation, demands } of operations) {
    const others = (operation.security ?? document.security ?? []).flatMap((each) => removeOwnSchemes(each, names));
    const ours = demands.map((demand) => toRequirements(demand, clients.has(demand.name), document.openapi));
    operation.security = [others, ...ours].filter(({ length }) => length > 0).reduce(combine, []);
    if (demands.length > 0) writeResponses(operation, demands);
  }
  const components = (document.components ??= {}) as Components;
  const schemes = (components.securitySchemes ??= {});
  for (const name of names) Object.assign(schemes, buildSchemes(name, clients.get(name)));
  if (names.size > 0) (components.schemas ??= {})[REFUSAL] = REFUSAL_SCHEMA;
  return document;
}

/** Returns the client of each imported `GenAuthModule`, by the `name` of the module. */
function findClients(app: INestApplicationContext): Map<string, GenAuthClient<string>> {
  const clients = new Map<string, GenAuthClient<string>>();
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
): { operation: Operation; demands: Demand[] }[] {
  const [findRoute, readDemands] = [indexRoutes(app), openDemands(app)];
  return Object.entries(document.paths).flatMap(([path, item]) =>
    (Object.entries(item) as [string, Operation][]).flatMap(([method, operation]) => {
      const route = METHODS.includes(method) ? findRoute(method, path) : undefined;
      return route === undefined ? [] : [{ operation, demands: readDemands(route) }];
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
 * Returns a function that reads the requirements of a route's guards. Its result has one entry for each GenAuth
 * application.
 */
function openDemands(app: INestApplicationContext): (route: Route) => Demand[] {
  const globalGuards = listGlobalGuards(app.get(ApplicationConfig));
  const application = getApplication(app.get(HttpAdapterHost));
  return ({ controller, handler }) => {
    const guards = [...globalGuards, ...[controller, handler].flatMap((target) => listGuards(target))];
    const demands = new Map<string, Demand>();
    for (const guard of guards) {
      const role = findGuardRole(guard, application);
      if (role === undefined || role.kind === 'sign-in') continue;
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
    return [...demands.values()];
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

function writeResponses(operation: Operation, demands: readonly Demand[]): void {
  const responses = (operation.responses ??= {});
  const isOptional = demands.every(({ optional }) => optional);
  responses['401'] ??= buildResponse(isOptional ? 'The token is not valid.' : 'The request has no valid token.');
  // The OpenAPI document is often public, so it does not name roles and tenants. The required scopes are in `security`.
  const conditions = [...new Set(demands.flatMap((demand) => demand.conditions))];
  if (conditions.length > 0) {
    responses['403'] ??= buildResponse(`The token is valid, but it lacks the required ${conditions.join(' or ')}.`);
  }
}

function buildResponse(description: string): object {
  return {
    description,
    headers: { 'WWW-Authenticate': { description: 'As in RFC 6750 §3.', schema: { type: 'string' } } },
    content: { 'application/json': { schema: { $ref: `#/components/schemas/${REFUSAL}` } } },
  };
}
