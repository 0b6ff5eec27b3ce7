import { type INestApplicationContext, RequestMethod, type Type, VersioningType } from '@nestjs/common';
import { METHOD_METADATA, MODULE_PATH, PATH_METADATA, VERSION_METADATA } from '@nestjs/common/constants.js';
import { ApplicationConfig, MetadataScanner, ModulesContainer } from '@nestjs/core';
import { RoutePathFactory } from '@nestjs/core/router/route-path-factory.js';

type RouteMetadata = Parameters<RoutePathFactory['create']>[0];
type Handler = (...args: never[]) => unknown;

/** One handler and one of the paths at which Nest serves it. */
export interface Route {
  /** HTTP method in lower case, or `all` for every method. */
  method: string;
  /** Path in Nest's notation, `/users/:id`, with the application's global prefix. */
  path: string;
  /** The path without the application's global prefix. */
  bare: string;
  controller: Type;
  handler: Handler;
}

/** Returns every route of an application's controllers, in their order. It also works before the application starts. */
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
