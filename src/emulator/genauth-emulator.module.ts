import { GenAuthEmulator } from './emulator.js';
import type { GenAuthEmulatorOptions } from './options.js';

/**
 * The injection tokens of the module's internal providers. The injection token of the emulator itself is the class
 * `GenAuthEmulator`.
 */
const OPTIONS = 'passport-genauth:emulator:options';
const LIFECYCLE = 'passport-genauth:emulator:lifecycle';

/**
 * The parts of Nest's `DynamicModule` that {@link GenAuthEmulatorModule} uses. The emulator and its types do not import
 * Nest.
 */
export interface EmulatorDynamicModule {
  /** The class of the module. */
  module: typeof GenAuthEmulatorModule;
  /** Whether every module of the Nest application can inject `GenAuthEmulator`. */
  global: boolean;
  /** The providers of the options, of the emulator, and of the object that stops the emulator. */
  providers: (
    | { provide: string; useValue: GenAuthEmulatorOptions }
    | {
        provide: typeof GenAuthEmulator;
        inject: string[];
        useFactory: (options: GenAuthEmulatorOptions) => Promise<GenAuthEmulator>;
      }
    | {
        provide: string;
        inject: (typeof GenAuthEmulator)[];
        useFactory: (emulator: GenAuthEmulator) => { onApplicationShutdown(): Promise<void> };
      }
  )[];
  /** The injection tokens that other modules can use: the class `GenAuthEmulator`. */
  exports: (typeof GenAuthEmulator)[];
}

/**
 * Runs the emulator inside a Nest application, for development.
 *
 * @example
 * ```ts
 * import { Module } from '@nestjs/common';
 * import { GenAuthEmulator, GenAuthEmulatorModule } from 'passport-genauth/emulator';
 * import { GenAuthModule } from 'passport-genauth/nest';
 *
 * @Module({
 *   imports: [
 *     GenAuthEmulatorModule.forRoot({ port: 3999 }),
 *     GenAuthModule.forRootAsync({
 *       inject: [GenAuthEmulator],
 *       useFactory: (emulator: GenAuthEmulator) => ({ ...emulator.clientOptions, scope: ['openid', 'email'] }),
 *     }),
 *   ],
 * })
 * export class AppModule {}
 * ```
 */
export class GenAuthEmulatorModule {
  /**
   * Creates a Nest module that starts an emulator in the process of the Nest application.
   *
   * The emulator starts before Nest creates the providers that inject `GenAuthEmulator`. It stops after the Nest
   * application has closed and has answered the sign-ins in progress. The module is global: every module can inject
   * `GenAuthEmulator`. Each Nest application starts its own emulator, with new keys unless `stateFile` is set.
   *
   * If a Nest application needs two emulators, create each as
   * `{ ...GenAuthEmulatorModule.forRoot(options), global: false }`. Add each to the `imports` of the `forRootAsync`
   * that uses it.
   *
   * If the emulator cannot start, the Nest application does not start. The `EmulatorError` has the code `invalid_input`
   * for wrong options, `production_refused` with a `NODE_ENV` that is not for development, `address_in_use` for a port
   * in use, and `express_missing` without the package express.
   *
   * If another provider fails while Nest creates the application, Nest ends the process. With `abortOnError: false`
   * Nest does not end the process and does not call the shutdown hooks, so the emulator continues to run.
   *
   * @param options The options of `new GenAuthEmulator(options)`. All options are optional.
   * @returns A Nest `DynamicModule` for the `imports` of a module.
   */
  static forRoot(options: GenAuthEmulatorOptions = {}): EmulatorDynamicModule {
    return {
      module: GenAuthEmulatorModule,
      global: true,
      providers: [
        // The options are a provider. If the options were a variable in the closure of the factory, Nest's `deep-hash`
        // would treat two modules with different options as the same module.
        { provide: OPTIONS, useValue: options },
        {
          provide: GenAuthEmulator,
          inject: [OPTIONS],
          // The factory creates an emulator for each Nest application. Two Nest applications can import the same module
          // object, and each must stop its own emulator.
          useFactory: (given: GenAuthEmulatorOptions) => new GenAuthEmulator(given).start(),
        },
        {
          provide: LIFECYCLE,
          inject: [GenAuthEmulator],
          // `onModuleDestroy` is too early, because Nest calls it before the HTTP server has answered the sign-ins in
          // progress.
          useFactory: (emulator: GenAuthEmulator) => ({ onApplicationShutdown: () => emulator.stop() }),
        },
      ],
      exports: [GenAuthEmulator],
    };
  }
}
