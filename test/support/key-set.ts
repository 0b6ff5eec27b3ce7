import { KeySetSource } from '../../src/core/tokens/key-set-source.js';
import { Http } from '../../src/core/http/http.js';
import { Jwks, type JwksSettings } from '../../src/core/tokens/jwks.js';
import { resolveOptions } from '../../src/core/options/resolve-options.js';
import { type Issuer, JWKS_PATH } from './issuer.js';

export const MAX_AGE = 600_000;
export const COOLDOWN = 30_000;
export const STALE_IF_ERROR = 86_400_000;

export type KeySets = ReturnType<typeof useKeySets>;

/** Key sets that are fetched from an issuer over HTTP, one request per fetch, by a clock that the test sets. */
export function useKeySets(issuer: () => Issuer) {
  const opened: { http: Http; jwks: Jwks }[] = [];
  const keySets = {
    /** Milliseconds since 1970. It is reset before each test. */
    now: 0,
    open(settings: Partial<JwksSettings> = {}, options = { jwksUri: `${issuer().url}${JWKS_PATH}` } as object): Jwks {
      const { url, clientOptions } = issuer();
      const http = new Http({ origin: url, timeout: 5000 });
      const source = new KeySetSource(resolveOptions({ ...clientOptions, ...options }), http);
      const times = { maxAge: MAX_AGE, cooldown: COOLDOWN, staleIfError: STALE_IF_ERROR, now: () => keySets.now };
      const jwks = new Jwks({ source, ...times, publish: () => {}, ...settings });
      opened.push({ http, jwks });
      return jwks;
    },
    publish: (...keys: unknown[]) => issuer().reply(JWKS_PATH, { body: { keys } }),
    fetches: () => issuer().count(JWKS_PATH),
  };
  beforeEach(() => {
    keySets.now = 1_760_000_000_000;
  });
  afterEach(() => {
    for (const { http, jwks } of opened.splice(0)) {
      // Otherwise the timer of the key set sends requests and publishes events during the tests of other files.
      jwks.stop();
      http.close();
    }
  });
  return keySets;
}

/** Returns `accepted`, or the code of the error. */
export const codeOf = (promise: Promise<unknown>): Promise<string | undefined> =>
  promise.then(
    () => 'accepted',
    (error: { code?: string }) => error.code,
  );
