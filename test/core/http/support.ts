import { Http, type HttpRequest, type HttpSettings } from '../../../src/core/http/http.js';

export const PASSWORD = 'canary-Passw0rd "ünïcode"';
export const SECRET = 'canary-app-secret-0123456789';
export const GET: HttpRequest = { method: 'GET', path: '/oidc/keys', maxBytes: 4096 };
export const POST: HttpRequest = {
  method: 'POST',
  path: '/api/v3/signin',
  headers: { authorization: `Basic ${Buffer.from(`app:${SECRET}`).toString('base64')}` },
  body: { passwordPayload: { account: 'alice', password: PASSWORD }, client_secret: SECRET },
  maxBytes: 4096,
};

/** Creates clients that are closed after the test. */
export function useHttp(): (origin: string, settings?: Partial<HttpSettings>) => Http {
  const clients: Http[] = [];
  afterEach(() => {
    for (const client of clients.splice(0)) client.close();
  });
  return (origin, settings = {}) => {
    const client = new Http({ origin, timeout: 10_000, ca: undefined, proxy: undefined, ...settings });
    clients.push(client);
    return client;
  };
}
