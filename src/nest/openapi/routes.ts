import { type INestApplicationContext, RequestMethod, type Type, VersioningType } from '@nestjs/common';
import {
  HOST_METADATA,
  METHOD_METADATA,
  MODULE_PATH,
  PATH_METADATA,
  VERSION_METADATA,
} from '@nestjs/common/constants.js';
import { ApplicationConfig, MetadataScanner, ModulesContainer } from '@nestjs/core';
import { RoutePathFactory } from '@nestjs/core/router/route-path-factory.js';

type RouteMetadata = Parameters<RoutePathFactory['create']>[0];
type Handler = (...args: never[]) => unknown;

/** One route handler and one path at which Nest serves it. */
export interface Route {
  /** The HTTP method in lower case, or `all` for every method. */
  method: string;
  /** The path in Nest's notation, such as `/users/:id`, with the global prefix of the Nest application. */
  path: string;
  /** The path in Nest's notation without the global prefix of the Nest application. */
  bare: string;
  controller: Type;
  handler: Handler;
  /** What a request needs in addition to its method and path, so that Nest calls this handler. */
  selectors: Selector[];
}

/** The headers by which a request selects one of several handlers with the same method and path. */
export interface Selector {
  /** For messages, such as `version 2, host admin.example.com`. Empty if the request needs no header. */
  name: string;
  /** `undefined` if the headers are not known, because a function or a regular expression selects the handler. */
  headers: Record<string, string> | undefined;
}

/**
 * Returns every route of the controllers of a Nest application, in the order of the controllers. The function can be
 * called before the Nest application starts.
 */
export function listRoutes(app: INestApplicationContext): Route[] {
  const modules = app.get(ModulesContainer);
  return [...modules.values()].flatMap(({ metatype, controllers }) => {
    const modulePath = getMetadata(MODULE_PATH + modules.applicationId, metatype) ?? getMetadata(MODULE_PATH, metatype);
    return [...controllers.values()].flatMap((wrapper) =>
      listControllerRoutes(app.get(ApplicationConfig), wrapper.metatype as Type, modulePath as string),
    );
  });
}

function listControllerRoutes(config: ApplicationConfig, controller: Type, modulePath: string): Route[] {
  const prototype = controller.prototype as Record<string, Handler>;
  const factory = new RoutePathFactory(config);
  const versioningOptions = config.getVersioning();
  return new MetadataScanner().getAllMethodNames(prototype).flatMap((name) => {
    const handler = prototype[name] as Handler;
    const methodPath = getMetadata(PATH_METADATA, handler);
    if (methodPath === undefined) return [];
    const method = getMetadata(METHOD_METADATA, handler) as RequestMethod;
    const metadata = {
      methodPath,
      modulePath,
      ctrlPath: getMetadata(PATH_METADATA, controller),
      methodVersion: getMetadata(VERSION_METADATA, handler),
      controllerVersion: getMetadata(VERSION_METADATA, controller) ?? getDefaultVersion(versioningOptions),
      versioningOptions,
    } as RouteMetadata;
    const bare = factory.create(metadata, method);
    const paths = factory.create({ ...metadata, globalPrefix: config.getGlobalPrefix() }, method);
    return paths.map((path, i) => ({
      method: RequestMethod[method].toLowerCase(),
      path,
      bare: bare[i] ?? path,
      controller,
      handler,
      selectors: listSelectors(metadata, getMetadata(HOST_METADATA, controller)),
    }));
  });
}

function getDefaultVersion(options: RouteMetadata['versioningOptions']): unknown {
  return options?.type === VersioningType.URI ? options.defaultVersion : undefined;
}

function getMetadata(key: string, target: object): unknown {
  return Reflect.getMetadata(key, target);
}

function listSelectors(
  { methodVersion, controllerVersion, versioningOptions }: RouteMetadata,
  host: unknown,
): Selector[] {
  const versions = [methodVersion ?? controllerVersion ?? defaultOf(versioningOptions)].flat();
  const hosts = [host].flat();
  return versions.flatMap((version) =>
    hosts.map((each): Selector => {
      const selections = [selectVersion(version, versioningOptions), selectHost(each)].filter(
        (one) => one !== undefined,
      );
      const isKnown = selections.every(({ headers }) => headers !== undefined);
      return {
        name: selections.map(({ name }) => name).join(', '),
        headers: isKnown ? Object.assign({}, ...selections.map(({ headers }) => headers)) : undefined,
      };
    }),
  );
}

function defaultOf(options: RouteMetadata['versioningOptions']): unknown {
  return options?.defaultVersion;
}

function selectVersion(version: unknown, options: RouteMetadata['versioningOptions']): Selector | undefined {
  // A URI version is a part of the path.
  if (typeof version !== 'string' || options === undefined || options.type === VersioningType.URI) return undefined;
  const name = `version ${version}`;
  if (options.type === VersioningType.HEADER) return { name, headers: { [options.header.toLowerCase()]: version } };
  if (options.type === VersioningType.CUSTOM) return { name, headers: undefined };
  return { name, headers: { accept: `application/json;${options.key}${version}` } };
}

function selectHost(host: unknown): Selector | undefined {
  if (typeof host === 'string') return { name: `host ${host}`, headers: { host } };
  return host instanceof RegExp ? { name: `host ${host}`, headers: undefined } : undefined;
}
