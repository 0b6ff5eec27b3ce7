import { GenAuthEmulator } from './emulator.js';
import type { GenAuthEmulatorOptions } from './options.js';

/** Injection tokens; the emulator's own is its class. */
const OPTIONS = 'passport-genauth:emulator:options';
const LIFECYCLE = 'passport-genauth:emulator:lifecycle';

/** Nest's `DynamicModule`, as far as it is used: the emulator needs no Nest, nor do its types. */
export interface EmulatorDynamicModule {
  module: typeof GenAuthEmulatorModule;
  global: boolean;
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
  exports: (typeof GenAuthEmulator)[];
}

/** The emulator as a module of Nest, for one's own server in development. */
export class GenAuthEmulatorModule {
  /**
   * Starts an emulator in the process, before anything that injects it is made, and stops it when the application has
   * closed and answered the logins under way. Global: `GenAuthEmulator` can be injected everywhere.
   *
   * ```ts
   * imports: [
   *   GenAuthEmulatorModule.forRoot({ port: 3999 }),
   *   GenAuthModule.forRootAsync({
   *     inject: [GenAuthEmulator],
   *     useFactory: (emulator: GenAuthEmulator) => ({ ...emulator.clientOptions, scope: ['openid', 'email'] }),
   *   }),
   * ]
   * ```
   *
   * Every application that starts has an emulator of its own, with new keys. Where one application needs two, make both
   * `{ ...GenAuthEmulatorModule.forRoot(options), global: false }`, and name each in the `imports` of the
   * `forRootAsync` that it is for.
   *
   * The application does not start, by an `EmulatorError`, with wrong options (`invalid_input`), with
   * `NODE_ENV=production` (`production_refused`), where the port is in use (`address_in_use`) and without express
   * (`express_missing`). If something else fails while Nest creates its providers, Nest ends the process. With
   * `abortOnError: false` it does not, and no hook is called: the emulator keeps running.
   *
   * @param options - Those of `new GenAuthEmulator(options)`; each may be left out.
   * @returns A `DynamicModule` of Nest, for `imports`.
   */
  static forRoot(options: GenAuthEmulatorOptions = {}): EmulatorDynamicModule {
    return {
      module: GenAuthEmulatorModule,
      global: true,
      providers: [
        // Not in the factory's closure: Nest's `deep-hash` would take two modules with different options for one.
        { provide: OPTIONS, useValue: options },
        {
          provide: GenAuthEmulator,
          inject: [OPTIONS],
          // Not made before: one module may be imported by two applications, and each closes its own.
          useFactory: (given: GenAuthEmulatorOptions) => new GenAuthEmulator(given).start(),
        },
        {
          provide: LIFECYCLE,
          inject: [GenAuthEmulator],
          // Not `onModuleDestroy`, which comes before the server has answered the logins under way.
          useFactory: (emulator: GenAuthEmulator) => ({ onApplicationShutdown: () => emulator.stop() }),
        },
      ],
      exports: [GenAuthEmulator],
    };
  }
}
