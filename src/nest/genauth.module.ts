import {
  ConfigurableModuleBuilder,
  type DynamicModule,
  Global,
  Inject,
  type InjectionToken,
  Module,
  type OnModuleInit,
  type Provider,
  Scope,
} from '@nestjs/common';
import {
  APP_INTERCEPTOR,
  ApplicationConfig,
  BaseExceptionFilter,
  DiscoveryModule,
  DiscoveryService,
  HttpAdapterHost,
  ModuleRef,
} from '@nestjs/core';
import { GenAuthClient } from '../core/client.js';
import { type ConfigurationError, buildOptionError } from '../core/errors.js';
import type { GenAuthOptions } from '../core/options/types.js';
import type { GenAuthUser } from '../core/scopes.js';
import { quote } from '../core/util/quote.js';
import { isRecord } from '../core/util/record.js';
import { resolveOptions } from '../core/options/resolve-options.js';
import { CLIENT_OPTIONS_TOKEN, OPTIONS_TOKEN, STARTUP_TOKEN, buildToken } from '../injection-tokens.js';
import { GenAuthAdStrategy } from '../passport/ad.strategy.js';
import { GenAuthBearerStrategy } from '../passport/bearer.strategy.js';
import { clientsOfNest, expectVerify } from '../passport/genauth.strategy.js';
import { GenAuthPasswordStrategy } from '../passport/password.strategy.js';
import type { VerifyFunction } from '../web/application-user.js';
import type { SignInInfo } from '../web/sign-in.js';
import { type AnyStrategy, type StartupCheck, addModuleStrategy } from './applications.js';
import { findDuplicates } from './duplicates.js';
import { GenAuthErrorInterceptor } from './genauth-error.interceptor.js';
import { GenAuthGuard } from './genauth.guard.js';
import { GenAuthLifecycle } from './genauth.lifecycle.js';
import { DEFAULT_NAME } from '../core/options/option-checker.js';
import { getProviderToken } from './genauth.providers.js';
import { logByNest } from './nest-log.js';
import { GenAuthAdGuard, GenAuthLoginGuard, GenAuthPasswordGuard } from './sign-in.guards.js';

/** The options of `GenAuthModule`: the options of the client, and the options that concern the Nest application. */
export interface GenAuthModuleOptions<S extends string = string> extends GenAuthOptions<S> {
  /**
   * Maps the GenAuth user of a login to the application's own user, or refuses the user. It is called after each
   * successful sign-in with the strategies `genauth-password`, `genauth-ad` and `genauth-redirect`, and by the login
   * guards. See
   * {@link VerifyFunction}. Default: `req.user` is the GenAuth user. The option `resolveUser` does the same on guarded
   * routes.
   */
  verify?: VerifyFunction<GenAuthUser<S>, SignInInfo>;
  /**
   * The check at the start of the Nest application. It finds routes, resolvers and message handlers that are open
   * although a decorator of passport-genauth requires something, contradictory decorators, and settings of Nest with
   * which a guard does not run. `refuse`: the Nest application does not start. `warn`: the list is only logged.
   * Default: `refuse`.
   */
  startupCheck?: StartupCheck | undefined;
  /**
   * Whether connections that `GenAuthGuard` has guarded end when the access token expires. A response with Server-Sent
   * Events ends. A socket of a gateway receives the event `exception` and is disconnected. A connection of graphql-ws
   * is closed with the code 4401. A stream of gRPC does not end. Default: `false`, the token is verified only when the
   * stream or the subscription starts, and for each message of a socket.
   */
  closeAtExpiry?: boolean | undefined;
}

/** The base class with `forRoot` and `forRootAsync`. It creates the providers of one GenAuth application. */
const { ConfigurableModuleClass } = new ConfigurableModuleBuilder<GenAuthModuleOptions>({
  optionsInjectionToken: OPTIONS_TOKEN,
})
  .setClassMethodName('forRoot')
  .setFactoryMethodName('createGenAuthOptions')
  .setExtras<{ name?: string | undefined }>({ name: DEFAULT_NAME }, (definition, { name = DEFAULT_NAME }) => {
    const providers = buildProviders(name);
    return {
      ...definition,
      // The module is global, because Nest creates a guard in the module of the controller that uses the guard. Nest
      // must find the client in that module.
      global: true,
      imports: [...(definition.imports ?? []), DiscoveryModule],
      providers: [...(definition.providers ?? []), ...providers, ...listErrorInterceptors()],
      exports: listExports(providers),
    };
  })
  .build();

/** The interface of a class for `useClass` or `useExisting` of `GenAuthModule.forRootAsync`. */
export interface GenAuthOptionsFactory {
  /**
   * Returns the options of the client, or a promise of the options. Nest calls this method once, when the application
   * starts.
   */
  createGenAuthOptions(): GenAuthModuleOptions | Promise<GenAuthModuleOptions>;
}

/**
 * The Nest module. Import it once with `GenAuthModule.forRoot(options)`, or with
 * `GenAuthModule.forRootAsync({ imports, inject, useFactory | useClass | useExisting })`. The module is global, so
 * other modules need not import it.
 *
 * The module creates the `GenAuthClient` and registers the three strategies with Passport. When a Nest application with
 * an HTTP server starts, it fetches the keys for the verification of tokens. When the Nest application stops, it closes
 * the connections to GenAuth. If GenAuth is down, the Nest application still starts.
 *
 * If a process uses several GenAuth applications, import the module once for each GenAuth application. Give every
 * import after the first a different `name`. With `forRootAsync` write `name` next to `useFactory`.
 *
 * The start of the Nest application fails with a `ConfigurationError` if an option is wrong, if two GenAuth
 * applications have the same name, or if the check at the start finds that something is open, see `startupCheck`.
 *
 * @example
 * ```ts
 * import { Module } from '@nestjs/common';
 * import { GenAuthModule } from 'passport-genauth/nest';
 *
 * @Module({
 *   imports: [
 *     GenAuthModule.forRoot({
 *       appId: '65f0c1d2e3a4b5c6d7e8f901',
 *       appSecret: '0123456789abcdef0123456789abcdef',
 *       appHost: 'https://example.genauth.ai',
 *     }),
 *   ],
 * })
 * export class AppModule {}
 * ```
 */
@Global()
@Module({ providers: buildUnconfigured(), exports: listExports(buildProviders(DEFAULT_NAME)) })
export class GenAuthModule extends ConfigurableModuleClass implements OnModuleInit {
  /**
   * Returns the module for the `imports` of the Nest application.
   *
   * @throws ConfigurationError if the options are not an object. Wrong options in the object are found when the Nest
   * application starts.
   */
  static override forRoot(options: Parameters<typeof ConfigurableModuleClass.forRoot>[0]): DynamicModule {
    expectOptions(options);
    return configure(super.forRoot(options));
  }

  /**
   * Returns the module for the `imports` of the Nest application. Nest creates the options when the application starts.
   *
   * @throws ConfigurationError if there is none of `useFactory`, `useClass` and `useExisting`.
   */
  static override forRootAsync(options: Parameters<typeof ConfigurableModuleClass.forRootAsync>[0]): DynamicModule {
    const given: unknown = options;
    if (isRecord(given) && SOURCES.some((source) => given[source] !== undefined)) {
      return configure(super.forRootAsync(options));
    }
    throw buildOptionError({
      option: 'GenAuthModule.forRootAsync',
      problem: `got ${isRecord(given) ? 'an object' : quote(given)} without ${SOURCES.join(', ')}`,
      fix: 'write forRootAsync({ useFactory: () => options }), or forRoot(options)',
    });
  }

  constructor(@Inject(ModuleRef) private readonly moduleRef: ModuleRef) {
    super();
  }

  /**
   * Checks that Nest creates the options when the application starts. If the options depend on the request, Nest
   * creates no strategy and no lifecycle hook when the application starts, and skips the global guard.
   *
   * @throws ConfigurationError if the options come from a request-scoped provider.
   */
  onModuleInit(): void {
    if (this.moduleRef.introspect(OPTIONS_TOKEN).scope !== Scope.REQUEST) return;
    throw buildOptionError({
      option: 'GenAuthModule.forRootAsync',
      problem: 'injects a request-scoped provider, so Nest has no options when the application starts',
      fix:
        'inject providers with the default scope only. For several tenants write signInOptions: (req) => ' +
        '({ tenantId }), or import the module once for each GenAuth application with a different name',
    });
  }
}

/**
 * The class of a module with options. The class `GenAuthModule` itself has providers that throw, so that an import
 * without `forRoot` is named before Nest reports that it cannot find a provider.
 */
@Module({ providers: [], exports: [] })
class ConfiguredModule extends GenAuthModule {}
// Nest shows the name of the class in its log and in its errors.
Object.defineProperty(ConfiguredModule, 'name', { value: GenAuthModule.name });

/** Replaces `GenAuthModule` by `ConfiguredModule`. A subclass of the application stays as it is. */
function configure(definition: DynamicModule): DynamicModule {
  return definition.module === GenAuthModule ? { ...definition, module: ConfiguredModule } : definition;
}

/** Returns the providers of the class `GenAuthModule` that is imported without `forRoot`. */
function buildUnconfigured(): Provider[] {
  const useFactory = (): never => {
    const problem = 'is imported without options';
    const fix = 'write imports: [GenAuthModule.forRoot(options)] in place of imports: [GenAuthModule]';
    throw buildOptionError({ option: 'GenAuthModule', problem, fix });
  };
  return listExports(buildProviders(DEFAULT_NAME)).map((provide) => ({ provide, useFactory }));
}

/** Returns the tokens of the providers that other modules can inject. */
function listExports(providers: readonly Provider[]): InjectionToken[] {
  return providers
    .map((provider) => ('provide' in provider ? provider.provide : provider))
    .filter((token) => token !== CLIENT_OPTIONS_TOKEN && token !== STARTUP_TOKEN);
}

/** The sources of the options of `forRootAsync`. */
const SOURCES = ['useFactory', 'useClass', 'useExisting'] as const;

/** The options of the module that are not options of the client. */
const MODULE_OPTIONS = ['verify', 'startupCheck', 'closeAtExpiry'];

function buildProviders(name: string): Provider[] {
  const client = getProviderToken('client', name);
  const strategies = [
    { provide: getProviderToken('password', name), Strategy: GenAuthPasswordStrategy<string>, usesVerify: true },
    { provide: getProviderToken('ad', name), Strategy: GenAuthAdStrategy<string>, usesVerify: true },
    { provide: getProviderToken('bearer', name), Strategy: GenAuthBearerStrategy, usesVerify: false },
  ];
  return [
    {
      provide: CLIENT_OPTIONS_TOKEN,
      inject: [OPTIONS_TOKEN],
      useFactory: (options: GenAuthModuleOptions) => toClientOptions(options, name),
    },
    {
      provide: client,
      inject: [CLIENT_OPTIONS_TOKEN],
      useFactory: (options: GenAuthOptions) => {
        // The client checks its options again, but its error message does not list the options of the module.
        resolveOptions(options, MODULE_OPTIONS);
        return new GenAuthClient(options);
      },
    },
    ...strategies.map(({ provide, Strategy, usesVerify }) => ({
      provide,
      inject: [client, OPTIONS_TOKEN],
      useFactory: (injected: GenAuthClient<string>, { verify }: GenAuthModuleOptions) => {
        expectClient(injected);
        clientsOfNest.add(injected);
        const isVerified = verify !== undefined && usesVerify;
        const strategy = isVerified ? new Strategy(injected, verify as never) : new Strategy(injected);
        addModuleStrategy(strategy);
        return strategy;
      },
    })),
    {
      provide: buildToken(name, 'lifecycle'),
      inject: [
        OPTIONS_TOKEN,
        client,
        // With a second copy of @nestjs/core, Nest does not know this token.
        { token: HttpAdapterHost, optional: true },
        ApplicationConfig,
        DiscoveryService,
        ...strategies.map(({ provide }) => provide),
      ],
      useFactory: (
        { verify, startupCheck, closeAtExpiry = false }: GenAuthModuleOptions,
        injected: GenAuthClient<string>,
        host: HttpAdapterHost | undefined,
        config: ApplicationConfig,
        discovery: DiscoveryService,
        ...registered: AnyStrategy[]
      ) => {
        if (host === undefined) throw buildDuplicateError();
        const hasVerify = verify !== undefined;
        const parts = { client: injected, strategies: registered, hasVerify, startupCheck, closeAtExpiry };
        return new GenAuthLifecycle(parts, host, config, discovery);
      },
    },
    { provide: STARTUP_TOKEN, useExisting: buildToken(name, 'lifecycle') },
    {
      provide: buildToken(name, 'verify'),
      inject: [OPTIONS_TOKEN],
      useFactory: ({ verify }: GenAuthModuleOptions) => verify,
    },
    GenAuthGuard.named(name),
    GenAuthPasswordGuard.named(name),
    GenAuthAdGuard.named(name),
    GenAuthLoginGuard.named(name),
  ];
}

/** The members of a client that the guards, the strategies and the module use. */
const CLIENT_MEMBERS = ['options', 'authenticate', 'signInRoute', 'warmUp', 'close'];

/**
 * Checks the client, which a test can replace by `overrideProvider(GenAuthClient).useValue(mock)`.
 *
 * @throws ConfigurationError if a member is missing. The message lists the missing members.
 */
function expectClient(client: GenAuthClient<string>): void {
  const given = client as unknown;
  const isMember = (name: string, value: unknown): boolean =>
    name === 'options' ? isRecord(value) && typeof value['name'] === 'string' : typeof value === 'function';
  const missing = CLIENT_MEMBERS.filter((name) => !isRecord(given) || !isMember(name, given[name]));
  if (missing.length === 0) return;
  const problem = `is replaced by ${isRecord(given) ? 'an object' : quote(given)} without ${missing.join(', ')}`;
  const fix =
    'use a real client with the test kit, GenAuthTestingModule.override(builder, genauth), ' +
    'or replace the guards, overrideGuard(GenAuthGuard)';
  throw buildOptionError({ option: 'GenAuthClient', problem, fix });
}

/** Builds the error for an application whose @nestjs/core is not the one that this package uses. */
function buildDuplicateError(): ConfigurationError {
  const found = findDuplicates();
  const problem = `is not the copy that passport-genauth uses. ${found.join(' ')}`.trim();
  const fix = 'install one version of the Nest packages, see npm ls @nestjs/core';
  return buildOptionError({ option: '@nestjs/core of the application', problem, fix });
}

/**
 * Nest before 11.2.8 sends the message of every error with a `statusCode` to the client. Only on these versions the
 * module registers the interceptor itself, because it costs time on every route.
 */
function listErrorInterceptors(): Provider[] {
  const probe = Object.assign(new Error('probe'), { statusCode: 500 });
  const sendsMessages = Boolean(new BaseExceptionFilter().isHttpError(probe));
  return sendsMessages ? [{ provide: APP_INTERCEPTOR, useClass: GenAuthErrorInterceptor }] : [];
}

/**
 * Returns the options of the client: the options of the module without those that concern the Nest application, and
 * with the `name` of the module.
 *
 * @throws ConfigurationError if the options are not an object, if an option that concerns the Nest application is
 * wrong, or if the options have a different `name`. The injection tokens are already made from the `name` of the
 * module.
 */
function toClientOptions(given: GenAuthModuleOptions, name: string): GenAuthOptions {
  expectOptions(given);
  const { verify, startupCheck, closeAtExpiry, ...options } = given;
  if (Object.hasOwn(given, 'verify')) expectVerify(verify);
  if (!isStartupCheck(startupCheck)) {
    const fix = "write 'refuse', 'warn' or { microservicesInheritGuards: true }";
    throw buildOptionError({ option: 'startupCheck', problem: `is ${quote(startupCheck)}`, fix });
  }
  if (closeAtExpiry !== undefined && typeof closeAtExpiry !== 'boolean') {
    const fix = 'write true or false';
    throw buildOptionError({ option: 'closeAtExpiry', problem: `is ${quote(closeAtExpiry)}`, fix });
  }
  if (options.name === undefined || options.name === name) return { ...options, log: options.log ?? logByNest, name };
  const problem = `is '${options.name}' in the options and '${name}' in the module`;
  throw buildOptionError({ option: 'name', problem, fix: `write forRootAsync({ name: '${options.name}', … })` });
}

function expectOptions(given: unknown): void {
  if (given instanceof GenAuthClient) {
    const problem = 'of GenAuthModule are an object of the class GenAuthClient';
    throw buildOptionError({ option: 'options', problem, fix: 'pass the options of the client, forRoot(options)' });
  }
  if (given instanceof Promise) {
    const fix = 'write forRootAsync({ useFactory: () => promise })';
    throw buildOptionError({ option: 'options', problem: 'of GenAuthModule are a promise', fix });
  }
  if (isRecord(given)) return;
  const fix =
    'pass an object with appId, appSecret and appHost to forRoot, or return it from useFactory. ' +
    'With @nestjs/config compare the namespace, and the order of the imports';
  throw buildOptionError({ option: 'options', problem: `of GenAuthModule are ${quote(given)}`, fix });
}

function isStartupCheck(value: unknown): boolean {
  if (!isRecord(value)) return value === undefined || value === 'refuse' || value === 'warn';
  const { mode, microservicesInheritGuards, ...others } = value;
  const isMode = mode === undefined || mode === 'refuse' || mode === 'warn';
  const isInherit = microservicesInheritGuards === undefined || typeof microservicesInheritGuards === 'boolean';
  return isMode && isInherit && Object.keys(others).length === 0;
}
