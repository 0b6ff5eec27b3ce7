import { GenAuthClient } from '../../src/core/client.js';
import { SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { VerifierBench } from '../support/token-verifier.js';

// Another library has written into Object.prototype: what an application passes, and tokens, must not read it.
const issuer = useIssuer();
const bench = new VerifierBench(issuer);

async function polluted<T>(name: string, value: unknown, run: () => Promise<T>): Promise<T | Error> {
  Object.defineProperty(Object.prototype, name, { value, configurable: true });
  try {
    return await run();
  } catch (error) {
    return error as Error;
  } finally {
    Reflect.deleteProperty(Object.prototype, name);
  }
}

it.each<[string, unknown]>([
  ['tenantId', 'evil'],
  ['clientIp', '192.0.2.66'],
  ['context', { evil: 1 }],
  ['customData', { evil: 1 }],
])('a sign-in sends the same bytes with Object.prototype.%s', async (name, value) => {
  issuer().replySignIn();
  const client = new GenAuthClient(issuer().clientOptions);
  const signIn = () => client.signIn({ account: 'alice', password: 'p' });
  await signIn();
  expect(await polluted(name, value, signIn)).toMatchObject({ kind: 'success' });
  client.close();
  const [first, second] = issuer().requests.filter(({ path }) => path === SIGN_IN_PATH);
  expect(second?.body).toBe(first?.body);
});

it('an id_token is no access token with Object.prototype.scope', async () => {
  const token = bench.material('id_token').forge();
  const outcome = await polluted('scope', 'admin', () => bench.verify('access_token', token));
  expect(outcome).toMatchObject({ code: 'token_type_mismatch' });
});

it('a sign-in gives a user of the configured scopes with Object.prototype.scope', async () => {
  issuer().replySignIn();
  const client = new GenAuthClient({ ...issuer().clientOptions, scope: 'openid' });
  const outcome = await polluted('scope', 'openid email', () => client.signIn({ account: 'alice', password: 'p' }));
  client.close();
  expect(Object.keys((outcome as { user: object }).user)).toEqual(['sub']);
});
