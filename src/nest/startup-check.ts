import type { ApplicationConfig, DiscoveryService, HttpAdapterHost } from '@nestjs/core';
import { AuthGuard } from '@nestjs/passport';
import { ConfigurationError, type OptionMistake, describeMistake } from '../core/errors.js';
import { DEFAULT_NAME } from '../core/options/option-checker.js';
import { CLASS_NAMES, GenAuthStrategy } from '../passport/genauth.strategy.js';
import { type AnyStrategy, type Application, listUnusedStrategies } from './applications.js';
import { findDuplicates, readMajorVersion } from './duplicates.js';
import { DECORATOR_NAMES, ROLES, SCOPES, TENANT, listDecoratedMethods } from './genauth.decorators.js';
import { describeGlobalGuard, isGenAuthGuard, listGlobalGuards } from './global-guards.js';
import { findUnavailableRequirement } from '../web/authorization.js';
import {
  type GuardRole,
  findGuardRole,
  findReaderRole,
  isForeignAuthGuard,
  suggestStrategy,
} from './guard-registry.js';
import { type GraphqlModule, type Handler, listClasses, listGraphqlModules, listHandlers } from './handlers.js';
import { type Level, listClassChain, readRouteAccess } from './route-access.js';

const UNKNOWN_VERSION =
  'The version of @nestjs/core could not be read from the working directory. So the check at the start assumes ' +
  'Nest 12, which runs global guards in gateways. Start the application in its own folder.';

/** What the check at the start finds. */
export interface StartupFindings {
  /** The mistakes with which something is open, or can be open. */
  mistakes: OptionMistake[];
  /** The facts that are probably mistakes. They never prevent the start. */
  warnings: string[];
}

/** Returns the settings of the check. If several `GenAuthModule`s are imported, the last setting counts. */
export function readStartupCheck({ modules }: Application): { mode: 'refuse' | 'warn'; inheritsGuards: boolean } {
  const given = modules.map(({ startupCheck }) => startupCheck).findLast((each) => each !== undefined) ?? 'refuse';
  if (typeof given === 'string') return { mode: given, inheritsGuards: false };
  return { mode: given.mode ?? 'refuse', inheritsGuards: given.microservicesInheritGuards === true };
}

/** Builds the error with which the Nest application refuses to start. */
export function buildStartupError(mistakes: readonly OptionMistake[]): ConfigurationError {
  const lines = mistakes.map((mistake) => `  - ${describeMistake(mistake)}`);
  const count = mistakes.length === 1 ? 'one mistake' : `${mistakes.length} mistakes`;
  const message =
    `passport-genauth found ${count} in the Nest application:\n${lines.join('\n')}\n` +
    "To start the application in spite of this list, write startupCheck: 'warn' into the options of GenAuthModule.";
  return new ConfigurationError('invalid_options', message, { details: { mistakes } });
}

/**
 * Looks at all controllers, resolvers, gateways and message handlers of a Nest application, and finds what is open
 * although its author believes that it is guarded. Sends no request.
 */
export function findStartupMistakes(
  application: Application,
  host: HttpAdapterHost,
  config: ApplicationConfig,
  discovery: DiscoveryService,
): StartupFindings {
  const globalGuards = listGlobalGuards(config).filter(isGenAuthGuard);
  const isServer = Boolean(host.httpAdapter);
  const nestVersion = readMajorVersion('@nestjs/core');
  const graphqlModules = listGraphqlModules(discovery);
  const scope: Scope = {
    application,
    globalNames: listGlobalGuards(config).flatMap((guard) => findReaderRole(guard)?.name ?? []),
    // Nest 11 does not run global guards in gateways.
    guardsGateways: (nestVersion ?? 12) >= 12,
    // The global guards of a pure microservice also guard its message handlers.
    guardsMessages: !isServer || readStartupCheck(application).inheritsGuards,
  };
  // An application without an HTTP server, such as a command, serves no routes.
  const handlers = listHandlers(discovery, graphqlModules).filter(({ kind }) => kind !== 'http' || isServer);
  const unchecked = findUncheckedLogins(application, handlers);
  return {
    mistakes: [
      ...findGlobalGuardMistakes(globalGuards),
      ...findStrategyMistakes(application, discovery, handlers, scope),
      ...findImportMistakes(application),
      ...unchecked.filter(({ isOpen }) => isOpen).map(({ mistake }) => mistake),
      ...findContextMistakes(graphqlModules),
      ...findLostDecorators(discovery),
      ...distinct(handlers.flatMap((handler) => findHandlerMistakes(handler, scope))),
    ],
    warnings: [
      ...(nestVersion === undefined ? [UNKNOWN_VERSION] : []),
      ...findDuplicates(),
      ...findUnusedStrategies(application),
      ...(isServer ? findRedirectWarnings(application, handlers) : []),
      ...unchecked.filter(({ isOpen }) => !isOpen).map(({ mistake }) => describeMistake(mistake)),
      ...findGlobalAuthGuards(config, application),
      ...distinctTexts(handlers.flatMap((handler) => findUnavailable(handler, scope))),
      ...distinctTexts(handlers.flatMap((handler) => findMisspelt(handler, application))),
      ...scope.globalNames.flatMap((name) => handlers.flatMap((handler) => findWarnings(handler, name, application))),
    ],
  };
}

/** The facts about a Nest application on which the mistakes of a handler depend. */
interface Scope {
  application: Application;
  /** The names of the GenAuth applications of the global `GenAuthGuard`s. */
  globalNames: readonly string[];
  guardsGateways: boolean;
  guardsMessages: boolean;
}

function findGlobalGuardMistakes(guards: readonly unknown[]): OptionMistake[] {
  const [first, second] = guards.map(describeGlobalGuard);
  if (first === undefined || second === undefined) return [];
  // A request has one access token, which could never pass the guards of two GenAuth applications.
  const problem = `makes two guards global, ${first} and ${second}`;
  const fix =
    first === second
      ? 'remove one of the two registrations'
      : `keep one of them, ${first} for example, and write @Public() @UseGuards(${second}) on the routes of the other`;
  return [{ option: 'APP_GUARD', problem, fix }];
}

/** Finds strategies of the application that are never used, so that their `validate` refuses no user. */
function findStrategyMistakes(
  application: Application,
  discovery: DiscoveryService,
  handlers: readonly Handler[],
  { globalNames }: Scope,
): OptionMistake[] {
  const replaced = [...application.replacements].filter(([own, used]) => own !== used);
  const contradictions = replaced
    .filter(([own]) => application.modules.some(({ strategies, hasVerify }) => hasVerify && strategies.includes(own)))
    .filter(([own]) => own.kind !== 'bearer')
    .map(([{ name }, used]) => ({
      option: 'verify',
      problem: `is ignored, because ${used.constructor.name} replaces the strategy ${name}`,
      fix: 'remove the option verify, or the class',
    }));
  const usesGuard =
    globalNames.length > 0 ||
    handlers.some(({ levels }) => levels.some(({ guards }) => guards.some((guard) => findReaderRole(guard))));
  const unread = replaced
    .filter(([own]) => own.kind === 'bearer' && usesGuard)
    .map(([, used]) => ({
      option: used.constructor.name,
      problem: 'extends GenAuthBearerStrategy, but GenAuthGuard uses no strategy, so it does not call this class',
      fix: 'remove the class, and write the option resolveUser, which GenAuthGuard and AuthGuard call',
    }));
  const scoped = discovery
    .getProviders()
    .filter(
      (wrapper) => (!wrapper.isDependencyTreeStatic() || wrapper.isTransient) && isStrategyClass(wrapper.metatype),
    )
    .map(({ name }) => ({
      option: String(name),
      problem: 'is request-scoped or transient, so Nest creates no strategy when the application starts',
      fix: 'give the class and everything that it injects the default scope',
    }));
  return [...contradictions, ...unread, ...scoped];
}

/**
 * Finds login routes that accept users whom no method of the application checks: a class with `validate` replaces the
 * strategy of one kind of login, and the strategy of another kind has neither a class nor `verify`.
 *
 * `isOpen`: the route accepts both kinds of logins, or it is the sign-in on GenAuth's hosted page, where each user can
 * sign in. Otherwise the application can have a reason for a route of its own that accepts all users.
 */
function findUncheckedLogins(
  application: Application,
  handlers: readonly Handler[],
): { isOpen: boolean; mistake: OptionMistake }[] {
  return application.modules.flatMap(({ client, strategies, hasVerify }) => {
    const logins = listLogins(application, strategies, client);
    const checking = logins.find(({ checksUsers }) => checksUsers);
    if (checking === undefined) return [];
    const checker = hasVerify ? 'the option verify' : checking.constructor.name;
    const unchecked = logins.filter(({ checksUsers }) => !checksUsers);
    return unchecked.flatMap((strategy) =>
      findRoutes(handlers, application, strategy, client.options.name).map(({ name, role }) => {
        const problem = `accepts logins of ${strategy.name} too, whose users ${checker} does not check`;
        const isRedirect = strategy.kind === 'redirect';
        const other = isRedirect
          ? 'the option verify in place of the class'
          : `@UseGuards(AuthGuard('${checking.name}'))`;
        const fix = hasVerify
          ? 'import GenAuthRedirectModule in place of the provider with this strategy'
          : `write a class with validate, which extends ${CLASS_NAMES[strategy.kind]}, or write ${other}`;
        return { isOpen: isRedirect || role.logins.length > 1, mistake: { option: name, problem, fix } };
      }),
    );
  });
}

/**
 * Returns the strategies that sign users in for a client: those of the modules, as far as no provider of the
 * application replaces them, and those of providers for GenAuth's hosted page.
 */
function listLogins(
  { replacements, ownStrategies }: Application,
  strategies: readonly AnyStrategy[],
  client: AnyStrategy['client'],
): AnyStrategy[] {
  const used = strategies.map((each) => replacements.get(each) ?? each);
  const own = [...ownStrategies].filter((each) => each.kind === 'redirect' && each.client === client);
  return [...new Set([...used, ...(used.some(({ kind }) => kind === 'redirect') ? [] : own)])].filter(
    ({ kind }) => kind !== 'bearer',
  );
}

/** Returns the routes whose login guard uses a strategy. */
function findRoutes(
  handlers: readonly Handler[],
  application: Application,
  { kind }: Pick<AnyStrategy, 'kind'>,
  name: string,
): { name: string; role: GuardRole }[] {
  return handlers.flatMap((handler) => {
    const roles = handler.levels.flatMap(({ guards }) => guards).map((guard) => findGuardRole(guard, application));
    const role = roles.find((each) => each?.name === name && each.logins.some((login) => login === kind));
    return role === undefined ? [] : [{ name: handler.name, role }];
  });
}

/** Finds guards of GenAuth's hosted page without a strategy, and a `GenAuthRedirectModule` that no route uses. */
function findRedirectWarnings(application: Application, handlers: readonly Handler[]): string[] {
  return application.modules.flatMap(({ client, strategies }) => {
    const { options } = client;
    const routes = findRoutes(handlers, application, { kind: 'redirect' }, options.name);
    const isMissing = !listLogins(application, strategies, client).some(({ kind }) => kind === 'redirect');
    const name = options.name === DEFAULT_NAME ? '' : `, name: '${options.name}'`;
    if (isMissing) {
      return routes.map(
        (route) =>
          `${route.name} has a guard for GenAuth's hosted page, but no strategy ${options.name}-redirect exists: ` +
          `import GenAuthRedirectModule.forRoot({ callbackUrl: 'https://…'${name} }).`,
      );
    }
    if (routes.length > 0) return [];
    const guard =
      options.name === DEFAULT_NAME ? 'GenAuthRedirectGuard' : `GenAuthRedirectGuard.named('${options.name}')`;
    return [
      `GenAuthRedirectModule is imported, but no route has its guard: write @UseGuards(${guard}) on the route that ` +
        'begins the sign-in, and on the route of callbackUrl.',
    ];
  });
}

/** Finds a `GenAuthModule` that is imported twice, of which only one import may refuse users. */
function findImportMistakes({ modules }: Application): OptionMistake[] {
  const names = modules.map(({ client }) => client.options.name);
  return modules
    .filter(({ client, hasVerify }) => hasVerify || client.options.resolveUser !== undefined)
    .filter(({ client: { options } }) => names.indexOf(options.name) !== names.lastIndexOf(options.name))
    .slice(0, 1)
    .map(({ client: { options } }) => ({
      option: 'GenAuthModule',
      problem: `is imported several times with the name '${options.name}', so its verify or resolveUser may be skipped`,
      fix: 'import it once, because the module is global',
    }));
}

/** Finds several classes that extend the same strategy. Only one class can be used for the name of the strategy. */
function findUnusedStrategies(application: Application): string[] {
  return [...application.replacements].flatMap(([own, used]) => {
    const unused = listUnusedStrategies(application, used);
    if (own === used || unused.length === 0) return [];
    const names = unused.map((each) => each.constructor.name).join(', ');
    return [
      `The strategy ${used.name} is ${used.constructor.name}. ${names} extends the same strategy and is not used for ` +
        "this name. If it is for another route, give it a name of its own: PassportStrategy(…, 'own-name').",
    ];
  });
}

function isStrategyClass(metatype: unknown): boolean {
  return typeof metatype === 'function' && metatype.prototype instanceof GenAuthStrategy;
}

/**
 * Finds GraphQL modules in which each caller can get the user of another caller. @nestjs/apollo below version 14 writes
 * the request of the first caller on a `context` object, and keeps it there.
 */
function findContextMistakes(graphqlModules: readonly GraphqlModule[]): OptionMistake[] {
  const isShared = ({ options }: GraphqlModule): boolean =>
    typeof options.context === 'object' && options.driver?.name.startsWith('Apollo') === true;
  const [module] = graphqlModules.filter(isShared);
  if (module === undefined || (readMajorVersion('@nestjs/apollo') ?? 14) >= 14) return [];
  const problem = 'of GraphQLModule is one object, on which @nestjs/apollo below version 14 keeps the first request';
  return [{ option: 'context', problem, fix: 'write a function, context: ({ req }) => ({ req })' }];
}

/** Finds methods whose decorators are lost, because a decorator above them has replaced the method. */
function findLostDecorators(discovery: DiscoveryService): OptionMistake[] {
  return listClasses(discovery).flatMap(({ type }) => {
    return listClassChain(type)
      .flatMap(({ prototype }) => listDecoratedMethods(prototype))
      .flatMap(({ prototype, method, handler, key }) => {
        const current: unknown = Object.getOwnPropertyDescriptor(prototype, method)?.value;
        // A subclass may override the method. Then the decorated method is not called.
        if ((type.prototype as Record<string | symbol, unknown>)[method] !== current) return [];
        const isKept = typeof current === 'function' && Reflect.getOwnMetadata(key, current) !== undefined;
        if (current === handler || isKept) return [];
        const option = `${type.name}.${String(method)}`;
        const problem = `has lost ${DECORATOR_NAMES[key]}, because a decorator above it replaces the method`;
        return [{ option, problem, fix: `write ${DECORATOR_NAMES[key]} above that decorator` }];
      });
  });
}

function findHandlerMistakes(handler: Handler, scope: Scope): OptionMistake[] {
  const contradictions = handler.levels.flatMap((level) => [
    ...findContradictions(level, handler, scope),
    ...findOpenedGuards(level, handler),
  ]);
  return contradictions.length > 0 ? contradictions : findOpenMistakes(handler, scope);
}

/** Finds decorators at the same level of which one opens the route and another one guards it. */
function findContradictions(level: Level, handler: Handler, { application, globalNames }: Scope): OptionMistake[] {
  const [first] = level.tokenDecorators.map((key) => DECORATOR_NAMES[key]);
  if (first === undefined) return [];
  const option = level.target === handler.method ? handler.name : (level.target as { name: string }).name;
  const readers = handler.levels.flatMap(({ guards }) => guards).flatMap((guard) => findReaderRole(guard)?.name ?? []);
  // `@Public() @UseGuards(GenAuthGuard.named('staff')) @Roles('admin')` is public for the global guard only.
  const isForOtherGuard = globalNames.length > 0 && readers.some((name) => !globalNames.includes(name));
  const contradictions: OptionMistake[] = [];
  if (level.isPublic && !isForOtherGuard) {
    contradictions.push({ option, problem: `has @Public() and ${first}`, fix: 'remove one of the two decorators' });
  }
  if (level.isOptional && level.tokenDecorators.some((key) => ALWAYS_REQUIRE_TOKEN.includes(key))) {
    const other = level.tokenDecorators
      .filter((key) => ALWAYS_REQUIRE_TOKEN.includes(key))
      .map(toName)
      .join(' and ');
    const problem = `has @OptionalAuth() and ${other}, which a request without an access token cannot meet`;
    contradictions.push({ option, problem, fix: 'remove @OptionalAuth()' });
  }
  if (level.guards.some((guard) => findGuardRole(guard, application)?.kind === 'sign-in')) {
    const problem = `has a login guard and ${first}, but a login request has no access token`;
    contradictions.push({ option, problem, fix: `remove ${first}` });
  }
  return contradictions;
}

/** Finds a guard that calls `GenAuthGuard` on a route with `@Public()`. There `GenAuthGuard` lets each request pass. */
function findOpenedGuards({ isPublic, guards, target }: Level, handler: Handler): OptionMistake[] {
  const isOpened = guards.some((guard) => findReaderRole(guard) !== undefined && findGuardRole(guard) === undefined);
  if (!isPublic || !isOpened) return [];
  const option = target === handler.method ? handler.name : (target as { name: string }).name;
  const problem = 'has @Public() and a guard that calls GenAuthGuard, and GenAuthGuard is open on public routes';
  return [{ option, problem, fix: 'remove @Public()' }];
}

const ALWAYS_REQUIRE_TOKEN = [SCOPES, ROLES, TENANT];
const toName = (key: string): string => DECORATOR_NAMES[key] ?? key;

/** Finds decorators that no guard reads, and resolvers before which Nest runs no guard. */
function findOpenMistakes(handler: Handler, scope: Scope): OptionMistake[] {
  const { kind, name, levels } = handler;
  const guards = levels.flatMap((level) => level.guards);
  const nearest = levels.find(
    ({ tokenDecorators, isPublic, guards: own }) =>
      tokenDecorators.length > 0 ||
      isPublic ||
      own.some((guard) => isLoginGuard(guard, scope) || findReaderRole(guard) !== undefined),
  );
  const decorators = nearest === undefined || nearest.isPublic ? [] : nearest.tokenDecorators.map(toName);
  const has = `has ${decorators.join(' and ')}`;
  const isGuardedHere = guards.some((guard) => findReaderRole(guard) !== undefined);
  const isGuardedGlobally = scope.globalNames.length > 0;
  const isPublic = nearest?.isPublic === true;

  if (kind === 'field' || kind === 'reference') {
    if (handler.hasFieldGuards) return [];
    const what = kind === 'field' ? 'a field resolver' : 'a reference resolver';
    const isMeantGuarded =
      decorators.length > 0 ||
      (!isPublic && guards.some((guard) => (findReaderRole(guard) ?? findGuardRole(guard)) !== undefined)) ||
      (kind === 'reference' && isGuardedGlobally && !isPublic);
    if (!isMeantGuarded) return [];
    const problem = `is ${what}, and Nest runs no guard before it`;
    const otherwise = kind === 'reference' ? ', or write @Public() if every caller may read it' : '';
    return [
      { option: name, problem, fix: `write fieldResolverEnhancers: ['guards'] in GraphQLModule.forRoot${otherwise}` },
    ];
  }
  if (decorators.length === 0 || isGuardedHere) return [];
  if (kind === 'other') {
    const problem = `${has}, but Nest does not call it as a route handler, so no guard runs before it`;
    return [{ option: name, problem, fix: 'move the decorator to the route handler' }];
  }
  const write = 'write @UseGuards(GenAuthGuard) on the class or the method';
  if (kind === 'ws' && isGuardedGlobally) {
    if (scope.guardsGateways) return [];
    return [{ option: name, problem: `${has}, but Nest 11 runs no global guard in gateways`, fix: write }];
  }
  if (kind === 'rpc' && isGuardedGlobally) {
    if (scope.guardsMessages) return [];
    const problem = `${has}, but the global guard runs before message handlers only with inheritAppConfig: true`;
    const fix =
      `${write}. If each connectMicroservice has inheritAppConfig: true, ` +
      'write startupCheck: { microservicesInheritGuards: true }';
    return [{ option: name, problem, fix }];
  }
  if (isGuardedGlobally) return [];
  const bearer = guards
    .map((guard) => findGuardRole(guard, scope.application))
    .find((role) => role?.kind === 'passport-bearer');
  if (bearer !== undefined) {
    const guard = `AuthGuard('${bearer.name}-bearer')`;
    return [
      {
        option: name,
        problem: `${has}, but ${guard} reads no decorators`,
        fix: `write GenAuthGuard in place of ${guard}`,
      },
    ];
  }
  return [
    {
      option: name,
      problem: `${has}, but no GenAuthGuard runs before it`,
      fix: `${write}, or make GenAuthGuard the global guard`,
    },
  ];
}

/** Finds global guards of `AuthGuard`, which read no decorators, so that no route is public. */
function findGlobalAuthGuards(config: ApplicationConfig, application: Application): string[] {
  return listGlobalGuards(config).flatMap((guard) => {
    const role = findGuardRole(guard, application);
    if (role === undefined || role.kind === 'bearer') return [];
    const strategy = `${role.name}-${role.kind === 'sign-in' ? role.logins[0] : 'bearer'}`;
    // A class of the application that has its own `canActivate` can read decorators.
    const { canActivate } = (typeof guard === 'function' ? guard.prototype : guard) as { canActivate?: unknown };
    if (canActivate !== AuthGuard(strategy).prototype.canActivate) return [];
    const name = role.name === DEFAULT_NAME ? 'GenAuthGuard' : `GenAuthGuard.named('${role.name}')`;
    return [
      `AuthGuard('${strategy}') is a global guard, but it does not read @Public() and guards login routes, too: ` +
        `write { provide: APP_GUARD, useExisting: ${name} }.`,
    ];
  });
}

/** Finds requirements that no user can meet, because the option `scope` of the client does not request the scope. */
function findUnavailable({ name, levels, method, type }: Handler, { application, globalNames }: Scope): string[] {
  const own = levels.flatMap(({ guards }) => guards).flatMap((guard) => findReaderRole(guard)?.name ?? []);
  const [reader] = own.length > 0 ? own : globalNames;
  const client = reader === undefined ? undefined : application.clients.get(reader);
  const access = client === undefined ? 'open' : readRouteAccess(reader, [method, type], application);
  if (client === undefined || access === 'open') return [];
  const mistake = findUnavailableRequirement(access, client.options);
  return mistake === undefined
    ? []
    : [`The ${describeMistake({ ...mistake, option: `${mistake.option} of ${name}` })}`];
}

/** Finds an `AuthGuard` with a misspelt name of a strategy. */
function findMisspelt({ name, levels }: Handler, application: Application): string[] {
  return levels.flatMap(({ guards }) =>
    guards.flatMap((guard) => {
      const found = isForeignAuthGuard(guard, application)
        ? suggestStrategy(guard, [...application.strategies.keys()])
        : undefined;
      if (found === undefined) return [];
      const { given, meant } = found;
      return `${name} has AuthGuard('${given}'): write AuthGuard('${meant}'), if no strategy has the name '${given}'.`;
    }),
  );
}

function distinctTexts(texts: readonly string[]): string[] {
  return [...new Set(texts)];
}

function isLoginGuard(guard: unknown, { application }: Scope): boolean {
  return findGuardRole(guard, application)?.kind === 'sign-in';
}

function findWarnings(
  { kind, name, levels, method, type }: Handler,
  guardName: string,
  application: Application,
): string[] {
  if (kind !== 'http') return [];
  const strategies = [...application.strategies.keys()];
  const isForeign = levels.some(({ guards }) =>
    guards.some((guard) => isForeignAuthGuard(guard, application) && suggestStrategy(guard, strategies) === undefined),
  );
  if (!isForeign || readRouteAccess(guardName, [method, type], application) === 'open') return [];
  const names = strategies.join(', ');
  return [
    `${name} has an AuthGuard with a strategy or a list that passport-genauth does not know, and the global ` +
      'GenAuthGuard requires an access token before it. If the route is a login, write @Public(). ' +
      `The strategies of passport-genauth are ${names}.`,
  ];
}

function distinct(mistakes: readonly OptionMistake[]): OptionMistake[] {
  return [...new Map(mistakes.map((mistake) => [describeMistake(mistake), mistake])).values()];
}
