import { AuthenticationClient } from 'authing-node-sdk';
import type { GenAuthEmulator } from '../../../src/emulator/index.js';

type Method = Extract<keyof AuthenticationClient, string>;

/** How often each method of GenAuth's own SDK was called in this test file. */
export class CallCount {
  readonly #calls = new Map<string, number>();

  /** The SDK for an app of the emulator's. Nothing of it is changed: it stands behind a proxy that counts. */
  connect(emulator: GenAuthEmulator): AuthenticationClient {
    const { appId, appHost, appSecret, tokenEndpointAuthMethod: method } = emulator.clientOptions;
    const sdk = new AuthenticationClient({
      appId,
      appHost,
      appSecret: appSecret ?? '',
      tokenEndPointAuthMethod: method,
      introspectionEndPointAuthMethod: method,
      revocationEndPointAuthMethod: method,
    });
    return new Proxy(sdk, {
      get: (target, name: Method) => {
        const member: unknown = target[name];
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown => {
          this.#calls.set(name, (this.#calls.get(name) ?? 0) + 1);
          return member.apply(target, args) as unknown;
        };
      },
    });
  }

  get methods(): string[] {
    return [...this.#calls.keys()].sort();
  }

  get total(): number {
    return [...this.#calls.values()].reduce((sum, count) => sum + count, 0);
  }
}
