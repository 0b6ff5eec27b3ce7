import type { HttpAdapterHost } from '@nestjs/core';
import passport from 'passport';
import type { GenAuthClient } from '../core/client.js';
import { type ConfigurationError, buildOptionError } from '../core/errors.js';
import type { GenAuthRequest, ResolvedOptions } from '../core/options/types.js';
import {
  type GenAuthStrategy,
  type PassportActions,
  TAKE_STRATEGY,
  clientsOfNest,
  router,
} from '../passport/genauth.strategy.js';
import type { RefusalContext } from '../web/refusal.js';
import type { ReportOptions } from '../web/report-refusal.js';
import { logByNest } from './nest-log.js';

/** A strategy of any kind and of any scopes. */
export type AnyStrategy = GenAuthStrategy<string, Record<string, unknown>, unknown, unknown>;

/** How the check at the start treats what it finds. */
export type StartupCheck =
  | 'refuse'
  | 'warn'
  | {
      /**
       * `refuse`: the Nest application does not start if the check finds a mistake. `warn`: the mistakes are only
       * logged. Default: `refuse`.
       */
      mode?: 'refuse' | 'warn' | undefined;
      /**
       * Whether each `connectMicroservice` of the Nest application is called with `inheritAppConfig: true`, so that the
       * global guard also guards message handlers. Nest does not show this setting. Default: `false`.
       */
      microservicesInheritGuards?: boolean | undefined;
    };

/** The objects of one imported `GenAuthModule`. */
export interface ModuleParts {
  client: GenAuthClient<string>;
  /**
   * The strategies of the module, and the one of `GenAuthRedirectModule` with the same name. A provider of the
   * application can replace a strategy.
   */
  strategies: readonly AnyStrategy[];
  /** Whether the options of the module contain `verify`. */
  hasVerify: boolean;
  startupCheck: StartupCheck | undefined;
  /** The option `closeAtExpiry` of the module. */
  closeAtExpiry: boolean;
}

/** The parts of passport-genauth that belong to one Nest application. A process can have several Nest applications. */
export interface Application {
  /** The clients, by the client's option `name`. */
  readonly clients: Map<string, GenAuthClient<string>>;
  /** The strategies, by their names, such as `genauth-password`. */
  readonly strategies: Map<string, AnyStrategy>;
  /** The strategies of the module that a provider of the application replaces. */
  readonly replacements: Map<AnyStrategy, AnyStrategy>;
  /** The strategies of the module, and those that providers of the application have created. */
  readonly ownStrategies: Set<AnyStrategy>;
  /** The imported `GenAuthModule`s. */
  readonly modules: ModuleParts[];
  /**
   * Each `defaultStrategy` of `PassportModule.register`, which `AuthGuard()` without a name uses. The names of several
   * strategies are separated by commas.
   */
  readonly defaultStrategies: Set<string>;
  /** Each `property` of `PassportModule.register`: the property of the request on which `AuthGuard` puts the user. */
  readonly userProperties: Set<string>;
  /** Whether a request of the HTTP server shows the application to which it belongs. */
  isRecognizable: boolean;
}

const byHost = new WeakMap<HttpAdapterHost, Application>();
/** The applications by the object that each of their requests refers to: the application of Express or Fastify. */
const byServer = new WeakMap<object, Application>();
const byClient = new WeakMap<object, Application>();
/** The applications that have started and not been closed. */
const open = new Set<Application>();

/** Returns the record of a Nest application. The first call creates the record. */
export function getApplication(host: HttpAdapterHost): Application {
  const known = byHost.get(host);
  if (known !== undefined) return known;
  const application: Application = {
    clients: new Map(),
    strategies: new Map(),
    replacements: new Map(),
    ownStrategies: new Set(),
    modules: [],
    defaultStrategies: new Set(),
    userProperties: new Set(),
    isRecognizable: false,
  };
  byHost.set(host, application);
  return application;
}

/** Returns the Nest application to which a client or a request belongs. */
export function findApplication(of: object): Application | undefined {
  // In Express `app` is the application that handles the request. In Fastify `server` is this application.
  const { app, server } = of as { app?: object; server?: object };
  const servers = [app, server].filter((each) => typeof each === 'function' || typeof each === 'object');
  return byClient.get(of) ?? servers.map((each) => byServer.get(each as object)).find(Boolean);
}

/** Whether connections end when the access token expires: the option `closeAtExpiry` of the module of a client. */
export function closesAtExpiry(client: object): boolean {
  const modules = byClient.get(client)?.modules ?? [];
  return modules.some((module) => module.client === client && module.closeAtExpiry);
}

/**
 * Adds a client to a Nest application that starts.
 *
 * @throws ConfigurationError if two GenAuth applications of the Nest application have the same name. Also throws if
 * another open Nest application has a GenAuth application of this name, and Passport's strategies cannot recognize by
 * the request to which of the two Nest applications the request belongs. They cannot if both Nest applications use the
 * same Express or Fastify application.
 */
export function openApplication(host: HttpAdapterHost, client: GenAuthClient<string>): void {
  const application = getApplication(host);
  const { name } = client.options;
  const known = application.clients.get(name);
  if (known !== undefined && !isSameApp(known, client)) throw buildNameError(known, client);
  const server: object | undefined = host.httpAdapter?.getInstance();
  application.isRecognizable = ['express', 'fastify'].includes(host.httpAdapter?.getType() ?? '');
  for (const other of open) {
    const theirs = other.clients.get(name);
    if (other === application || theirs === undefined) continue;
    const isShared = server !== undefined && byServer.get(server) === other;
    const isMixedUp = !isSameApp(theirs, client) && !(other.isRecognizable && application.isRecognizable);
    if (isShared || isMixedUp) throw buildOpenError(theirs, client);
  }
  application.clients.set(name, client);
  byClient.set(client, application);
  if (application.isRecognizable && server !== undefined) byServer.set(server, application);
  open.add(application);
}

router.find = (req, registered) => {
  const application = findApplication(req);
  const strategy = registered as AnyStrategy;
  if (application === undefined || application.ownStrategies.has(strategy)) return undefined;
  const used = application.strategies.get(strategy.name);
  if (used === undefined || listUnusedStrategies(application, used).length === 0) return used;
  // The application has a strategy with a name of its own, and another application has registered the same own name.
  return buildOpenError(used.client, strategy.client);
};

/**
 * Returns the strategies of providers that are not used for the name of `used`, although their class extends the same
 * strategy. `PassportStrategy` can register them under a name of their own, which is not known.
 */
export function listUnusedStrategies({ ownStrategies, replacements }: Application, used: AnyStrategy): AnyStrategy[] {
  return [...ownStrategies].filter((each) => each !== used && !replacements.has(each) && each.name === used.name);
}

const ofModules = new WeakSet<object>();

/**
 * Remembers a strategy that a module of passport-genauth has created. Nest also lists it as a provider of the
 * application.
 */
export function addModuleStrategy(strategy: object): void {
  ofModules.add(strategy);
}

/** Whether a module of passport-genauth has created a strategy. */
export function isOfModule(strategy: object): boolean {
  return ofModules.has(strategy);
}

/** Removes a Nest application that was closed. */
export function closeApplication(application: Application): void {
  open.delete(application);
}

/**
 * Returns the options for the response to an error of an unknown client. If the Nest application has exactly one
 * client, these are the options of this client. Otherwise they are the defaults.
 */
export function getOnlyOptions(host: HttpAdapterHost): RefusalContext['options'] & ReportOptions {
  const [only, ...others] = getApplication(host).clients.values();
  const defaults = { language: undefined, exposeReasons: false, log: logByNest };
  return only !== undefined && others.length === 0 ? only.options : defaults;
}

/** Key of a function in the options of `passport.authenticate`. {@link SharedStrategy} calls it, and nothing else. */
const REPORT = Symbol('passport-genauth: report the shared strategy');

/**
 * The strategy that is registered with Passport. All Nest applications of a process share Passport's registry, so this
 * strategy passes each request to the strategy of the Nest application that handles the request.
 */
class SharedStrategy {
  /** The strategy of the application that started last. It is used if no application is open. */
  newest: AnyStrategy | undefined;
  /** The strategy that was registered without Nest, for the requests of an Express application without Nest. */
  outside: AnyStrategy | undefined;

  constructor(readonly name: string) {}

  authenticate(req: object, options?: Readonly<Record<string | symbol, unknown>>): void {
    const report = options?.[REPORT];
    if (typeof report === 'function') return void report();
    const strategy = this.find(req);
    if (strategy instanceof Error) (this as unknown as PassportActions).error(strategy);
    // Passport has set its actions on `this`, which is a new object for each request.
    else Object.assign(Object.create(strategy) as AnyStrategy, this).authenticate(req as GenAuthRequest, options);
  }

  private find(req: object): AnyStrategy | ConfigurationError {
    const own = findApplication(req)?.strategies.get(this.name);
    if (own !== undefined) return own;
    if (this.outside?.client.isClosed === false) return this.outside;
    // The application made the request object itself, or the request belongs to an Express application without Nest.
    const [first = this.newest as AnyStrategy, ...others] = [...open].flatMap(
      ({ strategies }) => strategies.get(this.name) ?? [],
    );
    const other = others.find(({ client }) => !isSameApp(client, first.client));
    return other === undefined ? first : buildOpenError(first.client, other.client);
  }
}

const shared = new Map<string, SharedStrategy>();
/** The strategies that {@link registerStrategy} has replaced in Passport's registry, and the name of each strategy. */
const displaced = new WeakMap<AnyStrategy, string>();

/**
 * Registers a strategy of a Nest application with Passport: the candidate that is registered under the same name,
 * otherwise `strategy`.
 *
 * @param candidates - The strategies that providers of the application have created. `PassportStrategy` of
 * @nestjs/passport has registered them with Passport before this call.
 * @throws ConfigurationError if a strategy of another package is registered under the same name.
 */
export function registerStrategy(
  application: Application,
  strategy: AnyStrategy,
  candidates: readonly AnyStrategy[],
): void {
  const { name } = strategy;
  const registered = findRegistered(name);
  if (registered !== undefined) displaced.set(registered, name);
  const used = candidates.find((each) => displaced.get(each) === name || isUnregistered(each, name)) ?? strategy;
  for (const each of [strategy, ...candidates]) application.ownStrategies.add(each);
  const entry = shared.get(name) ?? new SharedStrategy(name);
  shared.set(name, entry);
  entry.newest = used;
  const isOutside =
    registered !== undefined && !candidates.includes(registered) && !clientsOfNest.has(registered.client);
  if (isOutside) entry.outside = registered;
  application.strategies.set(name, used);
  application.replacements.set(strategy, used);
  passport.use(entry as unknown as passport.Strategy);
}

/**
 * Whether a strategy has this name and is not registered with Passport, because its class does not extend the class
 * that `PassportStrategy` of @nestjs/passport returns.
 */
function isUnregistered(strategy: AnyStrategy, name: string): boolean {
  return strategy.name === name && !('getPassportInstance' in strategy);
}

/**
 * Returns the strategy of passport-genauth that is registered with Passport under a name, or `undefined` if the name is
 * unknown or has a {@link SharedStrategy}.
 *
 * @throws ConfigurationError if a strategy of another package is registered under the name.
 */
function findRegistered(name: string): AnyStrategy | undefined {
  let found: AnyStrategy | 'foreign' | undefined = 'foreign';
  // Passport calls the strategy on a new object whose prototype is the registered strategy.
  const take = (delegate: AnyStrategy): void => void (found = Object.getPrototypeOf(delegate) as AnyStrategy);
  const clear = (): void => void (found = undefined);
  const options = { session: false, [TAKE_STRATEGY]: take, [REPORT]: clear };
  // Passport calls the last argument if the name is unknown.
  (passport as unknown as Authenticator).authenticate(name, options, () => {})({ headers: {} }, {}, clear);
  if (found !== 'foreign') return found;
  const fix = `give your strategy another name, PassportStrategy(Strategy, 'own-${name}')`;
  throw buildOptionError({ option: name, problem: 'is the name of a strategy of another package', fix });
}

/**
 * The function of Passport that `findRegistered` calls. @types/passport is not imported, because some applications do
 * not install it.
 */
interface Authenticator {
  authenticate(
    name: string,
    options: Readonly<Record<string | symbol, unknown>>,
    callback: () => void,
  ): (req: object, res: object, next: () => void) => void;
}

function isSameApp({ options: a }: WithOptions, { options: b }: WithOptions): boolean {
  return a.appId === b.appId && a.appHost === b.appHost;
}
type WithOptions = { options: Pick<ResolvedOptions, 'appId' | 'appHost' | 'name'> };

function describeApps({ options: a }: WithOptions, { options: b }: WithOptions): string {
  return `the apps '${a.appId}' of ${a.appHost} and '${b.appId}' of ${b.appHost}`;
}

function buildNameError(known: WithOptions, client: WithOptions): ConfigurationError {
  const { name } = client.options;
  const apps = describeApps(known, client);
  const fix = "give the second app another name, GenAuthModule.forRoot({ …, name: 'staff' })";
  return buildOptionError(
    { option: 'name', problem: `is '${name}' for ${apps}`, fix },
    `GenAuthModule is imported for ${apps} with the same name '${name}': ${fix}.`,
  );
}

function buildOpenError(known: WithOptions, client: WithOptions): ConfigurationError {
  const { name } = client.options;
  const problem = `is '${name}' in two open Nest applications, for ${describeApps(known, client)}`;
  const fix = 'close the first application before the second application starts, await app.close()';
  return buildOptionError({ option: 'name', problem, fix });
}
