import { type INestApplicationContext, RequestMethod, type Type, VersioningType } from '@nestjs/common';
import { METHOD_METADATA, MODULE_PATH, PATH_METADATA, VERSION_METADATA } from '@nestjs/common/constants.js';
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
    }));
  });
}

function getDefaultVersion(options: RouteMetadata['versioningOptions']): unknown {
  return options?.type === VersioningType.URI ? options.defaultVersion : undefined;
}

function getMetadata(key: string, target: object): unknown {
  return Reflect.getMetadata(key, target);
}
