import { type TestAnswer, type TestRequest, openApp } from './open-app.js';

/** The names of the methods of a {@link TestAgent}. */
const METHODS = ['get', 'head', 'post', 'put', 'patch', 'delete', 'options'] as const;

/**
 * Sends requests to the tested application as one user, for example `agent.post('/orders', { body: { item: 1 } })`. It
 * has a method for each of the HTTP methods GET, HEAD, POST, PUT, PATCH, DELETE and OPTIONS.
 */
export type TestAgent = Readonly<
  Record<(typeof METHODS)[number], (path: string, request?: TestRequest) => Promise<TestAnswer>>
>;

/**
 * Creates an agent that sends requests to the tested application.
 *
 * @param token The bearer token that the agent sends with each request. If it is `undefined`, the agent sends no token.
 */
export function createAgent(app: object, token: string | undefined): TestAgent {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const send = async (method: string, path: string, { headers, body }: TestRequest = {}): Promise<TestAnswer> => {
    const open = await openApp(app);
    try {
      return await open.send(method.toUpperCase(), path, { headers: { ...authorization, ...headers }, body });
    } finally {
      await open.close();
    }
  };
  const methods = METHODS.map((method) => [
    method,
    (path: string, request?: TestRequest) => send(method, path, request),
  ]);
  return Object.fromEntries(methods) as TestAgent;
}
