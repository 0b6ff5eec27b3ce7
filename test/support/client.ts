import { GenAuthClient } from '../../src/core/client.js';
import type { GenAuthOptions } from '../../src/core/options/types.js';
import type { Issuer } from './issuer.js';

/** Opens a client of the issuer, by the test's clock if it brings one. */
type OpenClient = (options?: Partial<GenAuthOptions>, seams?: { now?: () => number }) => GenAuthClient;

/** Clients that are closed after the test. */
export function useClients(issuer: () => Pick<Issuer, 'clientOptions'>): OpenClient {
  const clients: GenAuthClient[] = [];
  afterEach(() => {
    for (const client of clients.splice(0)) void client.close();
  });
  return (options = {}, seams = {}) => {
    const client = new GenAuthClient<string>({ ...issuer().clientOptions, ...options }, seams) as GenAuthClient;
    clients.push(client);
    return client;
  };
}

/** The body of the last sign-in that an issuer was sent. */
export function lastSignIn(issuer: Issuer): { options: Record<string, unknown>; [member: string]: unknown } {
  const body = issuer.requests.findLast(({ path }) => path === '/api/v3/signin')?.body ?? '{}';
  return JSON.parse(body) as ReturnType<typeof lastSignIn>;
}
