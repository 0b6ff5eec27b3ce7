import { type INestApplicationContext, VersioningType } from '@nestjs/common';
import { ApplicationConfig, ModulesContainer, Reflector } from '@nestjs/core';
import { GenAuthClient } from '../../core/client.js';
import { PATHS } from '../../core/wire/facts.js';
import type { Choice } from '../../web/authorization.js';
import { getProviderToken } from '../genauth.providers.js';
import { listGlobalGuards } from '../global-guards.js';
import { findGuardRole, registerAuthGuards } from '../guard-registry.js';
import { type RouteAccess, listGuards, readRouteAccess } from '../route-access.js';
import { type Route, listRoutes } from './routes.js';

/** Required scopes by scheme. A request must satisfy all schemes of one object, and one object of a list. */
type SecurityRequirement = Record<string, string[]>;

interface Operation {
  security?: SecurityRequirement[] | undefined;
  responses?: Record<string, unknown> | undefined;
}

/** The part of an OpenAPI 3 document that is read and written here. A document of @nestjs/swagger fits. */
export interface OpenApiDocument {
  openapi?: string | undefined;
  paths: Record<string, object>;
  components?: object | undefined;
  security?: SecurityRequirement[] | undefined;
}

interface Components {
  securitySchemes?: Record<string, unknown>;
  schemas?: Record<string, unknown>;
}

/** What all guards of one application together require on a route. */
interface Demand {
  name: string;
  optional: boolean;
  scopes: Choice | undefined;
  /** What a valid token can lack: `scope`, `role`, `tenant`. */
  conditions: readonly string[];
}

const METHODS = ['get', 'put', 'post', 'delete', 'options', 'head', 'patch', 'trace', 'search', 'query'];
const REFUSAL = 'GenAuthRefusal';
const REFUSAL_SCHEMA = {
  type: 'object',
  required: ['statusCode', 'error', 'message', 'code'],
  properties: {
    statusCode: { type: 'integer' },
    error: { type: 'string', description: 'The status in words.' },
    message: { type: 'string', description: 'For the person.' },
    code: { type: 'string', description: 'Stable, for programs.' },
  },
};

/**
 * Writes into an OpenAPI document what the guards require on each route: `security` with the scopes, and the responses
 * 401 and 403. Call it after `useGlobalGuards`:
 * `SwaggerModule.setup('docs', app, applyGenAuthSecurity(SwaggerModule.createDocument(app, config), app))`.
 *
 * A route with a guard offers two schemes for the one token: `genauth` (OpenID Connect, which can name scopes) and
 * `genauth-bearer` (for tools that take a token). Other schemes, existing responses 401 and 403, and operations without
 * a controller stay as they are.
 *
 * @returns The document.
 */
export function applyGenAuthSecurity<Document extends OpenApiDocument>(
  document: Document,
  app: INestApplicationContext,
): Document {
  const clients = findClients(app);
  // The application registers them when it starts, and a document may be made before that.
  for (const name of clients.keys()) registerAuthGuards(name);
  const operations = listGuardedOperations(document, app);
  const names = new Set([...clients.keys(), ...operations.flatMap(({ demands }) => demands.map(({ name }) => name))]);

  for (const { operation, demands } of operations) {
    const others = (operation.security ?? document.security ?? []).flatMap((each) => withoutOurs(each, names));
    const ours = demands.map((demand) => toRequirements(demand, clients.has(demand.name), document.openapi));
    operation.security = [others, ...ours].filter(({ length }) => length > 0).reduce(both, []);
    if (demands.length > 0) writeResponses(operation, demands);
  }
  const components = (document.components ??= {}) as Components;
  const schemes = (components.securitySchemes ??= {});
  for (const name of names) Object.assign(schemes, buildSchemes(name, clients.get(name)));
  if (names.size > 0) (components.schemas ??= {})[REFUSAL] = REFUSAL_SCHEMA;
  return document;
}

/** Returns the clients of each `GenAuthModule`, by name. */
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

/** Returns the document's operations whose handlers are found, with what their guards require. */
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

/** Returns a function that finds the route of an operation in the document. */
function indexRoutes(app: INestApplicationContext): (method: string, path: string) => Route | undefined {
  const [byPath, byBarePath] = [new Map<string, Route[]>(), new Map<string, Route[]>()];
  for (const route of listRoutes(app)) {
    addTo(byPath, toShape(route.path), route);
    // A document may leave out the global prefix.
    addTo(byBarePath, toShape(route.bare), route);
  }
  const versioning = app.get(ApplicationConfig).getVersioning();
  const isVersionInPath = versioning === undefined || versioning.type === VersioningType.URI;
  return (method, path) => {
    const shape = path.replaceAll(/\{[^}]*\}/g, '{}');
    const serves = (route: Route): boolean => route.method === method || route.method === 'all';
    const [found = []] = [byPath, byBarePath].map((index) => index.get(shape)?.filter(serves)).filter(isNotEmpty);
    // Nest serves the first route. Of versions that a header selects the document holds the last.
    return found.at(isVersionInPath ? 0 : -1);
  };
}

function isNotEmpty(routes: Route[] | undefined): routes is Route[] {
  return routes !== undefined && routes.length > 0;
}

function addTo(index: Map<string, Route[]>, key: string, route: Route): void {
  index.set(key, [...(index.get(key) ?? []), route]);
}

/** Writes `/users/:id(\\d+)`, `/files/*path` and `/posts{/:page}` as OpenAPI does, without the parameters' names. */
function toShape(path: string): string {
  return path.replaceAll(/\([^)]*\)|[{}]/g, '').replaceAll(/[:*]\w+|\*/g, '{}');
}

/** Returns a function that reads what a route's guards require, with one entry for each application. */
function openDemands(app: INestApplicationContext): (route: Route) => Demand[] {
  const reflector = app.get(Reflector);
  const globalGuards = listGlobalGuards(app.get(ApplicationConfig));
  return ({ controller, handler }) => {
    const guards = [...globalGuards, ...[controller, handler].flatMap((target) => listGuards(reflector, target))];
    const demands = new Map<string, Demand>();
    for (const guard of guards) {
      const role = findGuardRole(guard);
      if (role === undefined || role.kind === 'sign-in') continue;
      const access: RouteAccess =
        role.kind === 'bearer' ? readRouteAccess(reflector, role.name, [handler, controller]) : { optional: false };
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
    // Before OpenAPI 3.1 only OAuth 2.0 and OpenID Connect could name scopes.
    ...(/^3\.[1-9]/.test(version) ? alternatives : [[]]).map((needed) => ({ [toBearerScheme(name)]: needed })),
  ];
}

/** Combines two lists of alternatives into every pair. */
function both(first: SecurityRequirement[], second: SecurityRequirement[]): SecurityRequirement[] {
  if (first.length === 0) return second;
  return first.flatMap((one) => second.map((other) => ({ ...one, ...other })));
}

/** Removes our own schemes, so that a second call gives the same document. */
function withoutOurs(requirement: SecurityRequirement, names: ReadonlySet<string>): SecurityRequirement[] {
  const ours = [...names].flatMap((name) => [name, toBearerScheme(name)]);
  const schemes = Object.entries(requirement);
  const others = schemes.filter(([scheme]) => !ours.includes(scheme));
  // An empty requirement stays: it allows requests without credentials.
  return others.length > 0 || schemes.length === 0 ? [Object.fromEntries(others)] : [];
}

function buildSchemes(name: string, client: GenAuthClient<string> | undefined): Record<string, object> {
  const bearer = { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: 'The access token of GenAuth.' };
  const openIdConnectUrl = `${client?.options.appHost}${PATHS.discovery}`;
  return {
    ...(client !== undefined && {
      [name]: { type: 'openIdConnect', openIdConnectUrl, description: 'Sign-in by GenAuth, for its access token.' },
    }),
    [toBearerScheme(name)]: bearer,
  };
}

function writeResponses(operation: Operation, demands: readonly Demand[]): void {
  const responses = (operation.responses ??= {});
  const isOptional = demands.every(({ optional }) => optional);
  responses['401'] ??= buildResponse(isOptional ? 'The token is not valid.' : 'There is no valid token.');
  // The document does not name roles and tenants. The scopes are in `security`.
  const conditions = [...new Set(demands.flatMap((demand) => demand.conditions))];
  if (conditions.length > 0) {
    responses['403'] ??= buildResponse(
      `The token is valid, but not of the ${conditions.join(' and the ')} that it takes.`,
    );
  }
}

function buildResponse(description: string): object {
  return {
    description,
    headers: { 'WWW-Authenticate': { description: 'As in RFC 6750 §3.', schema: { type: 'string' } } },
    content: { 'application/json': { schema: { $ref: `#/components/schemas/${REFUSAL}` } } },
  };
}
