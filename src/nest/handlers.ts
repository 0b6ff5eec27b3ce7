import { type DiscoveryService, MetadataScanner } from '@nestjs/core';
import { type Level, listLevels } from './route-access.js';

/**
 * The ways in which Nest calls a method. Nest runs other guards before each kind. `field` is a field resolver of
 * GraphQL, `reference` a reference resolver of a GraphQL federation, `other` a method that Nest does not call.
 */
export type HandlerKind = 'http' | 'graphql' | 'field' | 'reference' | 'ws' | 'rpc' | 'other';

/** One method of a controller or a provider. A method that Nest calls in two ways has two entries. */
export interface Handler {
  kind: HandlerKind;
  /** The class and the method, such as `OrdersController.list`. */
  name: string;
  method: object;
  type: Class;
  levels: Level[];
  /** Whether Nest runs guards before the field resolvers of the handler's module. */
  hasFieldGuards: boolean;
}

/** A class of a controller or a provider. */
type Class = abstract new (...args: never[]) => unknown;
type Wrapper = ReturnType<DiscoveryService['getProviders']>[number];

/** A class of a controller or a provider, and the modules that contain it. */
interface ListedClass {
  type: Class;
  isController: boolean;
  modules: readonly unknown[];
}

/** The options of `GraphQLModule.forRoot` that concern guards. */
export interface GraphqlModule {
  options: {
    fieldResolverEnhancers?: readonly string[];
    include?: readonly unknown[];
    context?: unknown;
    driver?: { name: string };
  };
}

// The metadata keys of Nest. The main entry points of its packages do not export all of them.
const PATH = 'path';
const MESSAGE_PATTERN = 'microservices:pattern';
const GATEWAY = 'websockets:is_gateway';
const GATEWAY_MESSAGE = 'websockets:message_mapping';
const RESOLVER_TYPE = 'graphql:resolver_type';
const FIELD_RESOLVER = 'graphql:resolve_property';
const REFERENCE_RESOLVER = 'graphql:resolve_reference';
/** The injection token of the options of `GraphQLModule`. */
const GRAPHQL_OPTIONS = 'GqlModuleOptions';

/** Returns the options of each imported `GraphQLModule`. */
export function listGraphqlModules(discovery: DiscoveryService): GraphqlModule[] {
  return discovery
    .getProviders()
    .filter(({ token, instance }) => token === GRAPHQL_OPTIONS && typeof instance === 'object' && instance !== null)
    .map(({ instance }) => ({ options: instance as GraphqlModule['options'] }));
}

/** Returns the classes of all controllers and providers of a Nest application. */
export function listClasses(discovery: DiscoveryService): ListedClass[] {
  const controllers = discovery.getControllers().map((wrapper) => ({ wrapper, isController: true }));
  const providers = discovery.getProviders().map((wrapper) => ({ wrapper, isController: false }));
  const listed = new Map<Class, ListedClass>();
  for (const { wrapper, isController } of [...controllers, ...providers]) {
    const type = findClass(wrapper);
    if (type === undefined) continue;
    const known = listed.get(type) ?? { type, isController, modules: [] };
    listed.set(type, { ...known, modules: [...known.modules, wrapper.host?.metatype] });
  }
  return [...listed.values()];
}

/**
 * Returns all methods of the controllers and providers that Nest calls, and the decorated ones that it does not call.
 */
export function listHandlers(discovery: DiscoveryService, graphqlModules: readonly GraphqlModule[]): Handler[] {
  return listClasses(discovery).flatMap(({ type, modules, isController }) => {
    const prototype = type.prototype as Record<string, object>;
    const hasFieldGuards = graphqlModules
      .filter(
        ({ options: { include = [] } }) => include.length === 0 || modules.some((module) => include.includes(module)),
      )
      .every(({ options }) => options.fieldResolverEnhancers?.includes('guards') === true);
    return new MetadataScanner().getAllMethodNames(prototype).flatMap((methodName) => {
      const method = prototype[methodName] as object;
      const name = `${type.name}.${methodName}`;
      const levels = listLevels(method, type);
      return listKinds(method, type, isController).flatMap((kind): Handler[] => {
        const isDecorated = levels.some((level) => level.target === method && level.tokenDecorators.length > 0);
        // A service may inherit decorated methods of a controller.
        const isOwn = Object.hasOwn(prototype, methodName) && Reflect.getMetadata(PATH, method) === undefined;
        if (kind === 'other' && !(isDecorated && isOwn)) return [];
        return [{ kind, name, method, type, levels, hasFieldGuards }];
      });
    });
  });
}

function listKinds(method: object, type: Class, isController: boolean): HandlerKind[] {
  const has = (key: string, target: object = method): boolean => Reflect.getMetadata(key, target) !== undefined;
  const kinds: HandlerKind[] = [];
  if (isController && has(PATH)) kinds.push('http');
  if (isController && has(MESSAGE_PATTERN)) kinds.push('rpc');
  if (has(GATEWAY, type) && has(GATEWAY_MESSAGE)) kinds.push('ws');
  if (has(REFERENCE_RESOLVER)) kinds.push('reference');
  else if (has(FIELD_RESOLVER)) kinds.push('field');
  else if (has(RESOLVER_TYPE)) {
    const rootTypes = ['Query', 'Mutation', 'Subscription'];
    kinds.push(rootTypes.includes(Reflect.getMetadata(RESOLVER_TYPE, method) as string) ? 'graphql' : 'field');
  }
  return kinds.length === 0 ? ['other'] : kinds;
}

/** Returns the class of a controller or provider. A provider that is a value or an alias has no class of its own. */
function findClass({ metatype, instance, inject, isAlias }: Wrapper): Class | undefined {
  if (isAlias) return undefined;
  const type: unknown =
    typeof metatype === 'function' && !Array.isArray(inject) ? metatype : (instance as object | undefined)?.constructor;
  const isClass = typeof type === 'function' && typeof type.prototype === 'object' && type.prototype !== null;
  return isClass && type !== Object ? (type as Class) : undefined;
}
