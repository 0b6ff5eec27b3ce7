import { GenAuthClient } from '../../src/core/client.js';
import type { GenAuthOptions } from '../../src/core/options/types.js';
import { CertificateAuthority } from '../support/certificate.js';
import { SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { Gate, catchError, until } from '../support/promise.js';
import { type Conversation, answering, useTcpServers } from '../support/tcp-server.js';

const ALICE = { account: 'alice', password: 'passw0rd' };

const issuer = useIssuer();
const serve = useTcpServers();
const clients: GenAuthClient[] = [];
afterEach(() => {
  for (const client of clients.splice(0)) client.close();
});

function open(options: Partial<GenAuthOptions> = {}): GenAuthClient {
  const client = new GenAuthClient<string>({ ...issuer().clientOptions, ...options });
  clients.push(client as GenAuthClient);
  return client as GenAuthClient;
}

/** A host that has the key set at every address. */
const keyHost = (): Conversation => answering(200, {}, JSON.stringify({ keys: [issuer().key.jwk] }));

describe('close()', () => {
  it('ends what is under way; a later call opens anew', async () => {
    const gate = new Gate();
    issuer().reply(SIGN_IN_PATH, () => gate.opened.then(() => ({})));
    const client = open();
    const failing = catchError(client.signIn(ALICE));
    await until(() => issuer().count(SIGN_IN_PATH) === 1);
    client.close();
    expect(await failing).toMatchObject({ code: 'upstream_unreachable' });
    gate.open();
    issuer().replySignIn();
    expect(await client.signIn(ALICE)).toMatchObject({ kind: 'success' });
    client.close();
    client.close();
  });

  it('ends the kept connections, those to the host of jwksUri too', async () => {
    const genauth = await serve(answering(200, {}, '{"statusCode":403,"apiCode":2333}'));
    const keys = await serve(keyHost());
    const client = open({ appHost: genauth.url, jwksUri: `${keys.url}/keys` });
    await Promise.all([client.warmUp(), client.signIn(ALICE)]);
    client.close();
    await Promise.all([genauth.idle(), keys.idle()]);
    expect([genauth.connections, keys.connections]).toEqual([1, 1]);
  });
});

describe('the options ca and proxy', () => {
  const authority = new CertificateAuthority();

  it('ca counts for sign-ins and for the key set', async () => {
    const genauth = await serve(answering(200, {}, '{"statusCode":403,"apiCode":2333}'), authority.issue());
    const keys = await serve(keyHost(), authority.issue());
    const options = { appHost: genauth.url, jwksUri: `${keys.url}/keys` };
    const trusting = open({ ...options, ca: authority.cert });
    expect(await trusting.signIn(ALICE)).toMatchObject({ kind: 'invalid_credentials' });
    await trusting.warmUp();
    const wary = open(options);
    const untrusted = { code: 'upstream_unreachable', cause: { code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' } };
    expect(await catchError(wary.signIn(ALICE))).toMatchObject(untrusted);
    expect(await catchError(wary.warmUp())).toMatchObject(untrusted);
  });

  it('proxy gets everything, also what goes to the host of jwksUri', async () => {
    const proxy = await serve((socket) => socket.end('HTTP/1.1 403 Forbidden\r\n\r\n'));
    const client = open({
      proxy: proxy.url,
      appHost: 'https://tenant.example',
      jwksUri: 'https://keys.example:444/keys',
    });
    expect(await catchError(client.warmUp())).toMatchObject({
      message: expect.stringContaining('CONNECT with HTTP 403'),
    });
    await catchError(client.signIn(ALICE));
    expect(proxy.received.map((received) => received.split(' HTTP/1.1')[0])).toEqual([
      'CONNECT keys.example:444',
      'CONNECT tenant.example:443',
    ]);
  });
});

describe('the option signInOptions', () => {
  const sent = (): unknown => {
    const body = issuer().requests.findLast(({ path }) => path === SIGN_IN_PATH)?.body ?? '';
    return (JSON.parse(body) as { options?: unknown }).options;
  };

  it('accompanies every sign-in; what is given with one goes before it', async () => {
    issuer().replySignIn();
    const client = open({
      signInOptions: { tenantId: 'tenant', customData: { school: 'pku' }, clientIp: '192.0.2.1' },
    });
    await client.signIn(ALICE);
    const configured = { tenantId: 'tenant', customData: { school: 'pku' }, clientIp: '192.0.2.1' };
    expect(sent()).toEqual({ scope: 'openid profile', ...configured });
    await client.signIn(ALICE, { clientIp: '192.0.2.2', context: 'text' });
    expect(sent()).toEqual({ scope: 'openid profile', ...configured, clientIp: '192.0.2.2', context: 'text' });
  });

  it('scope in it: that is asked for, and the user has the claims of all configured scopes', async () => {
    const claims = issuer().idTokenClaims({ email: 'a@example.com', email_verified: true, username: 'alice' });
    issuer().replySignIn({ id_token: issuer().sign(claims) });
    const client = open({ scope: ['openid', 'email', 'phone'], signInOptions: { scope: 'openid email' } });
    expect(await client.signIn(ALICE)).toMatchObject({ tokens: { scope: ['openid', 'email'] } });
    expect(sent()).toEqual({ scope: 'openid email' });
    const all = { sub: claims['sub'], email: 'a@example.com', email_verified: true };
    expect(await client.signIn(ALICE)).toHaveProperty('user', {
      ...all,
      phone_number: null,
      phone_number_verified: false,
    });
    // The caller of signIn names scopes, and then the user follows those.
    const outcome = await client.signIn(ALICE, { scope: ['openid', 'username'] });
    expect(outcome).toHaveProperty('user', { sub: claims['sub'], username: 'alice' });
    expect(sent()).toEqual({ scope: 'openid username' });
  });

  it('as a function is for requests, which this client knows nothing of: it is not called', async () => {
    issuer().replySignIn();
    const signInOptions = (): never => {
      throw new Error('called');
    };
    await open({ signInOptions }).signIn(ALICE);
    expect(sent()).toEqual({ scope: 'openid profile' });
  });
});
