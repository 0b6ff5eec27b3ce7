import type { AppSecretSource } from '../../src/core/oidc/app-secret.js';
import { lastSignIn, useClients } from '../support/client.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { type ReceivedRequest, SIGN_IN_PATH, useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { Gate, catchError, until } from '../support/promise.js';
import { LONG_SECRET } from '../support/signing-key.js';
import { buildToken } from '../support/token.js';
import { createVault as vault } from '../support/vault.js';

failOnUnhandledRejections();
const OLD = 'canary-old-secret-0123456789abcdef';
const NEW = 'canary-new-secret-0123456789abcdef';
const ALICE = { account: 'alice', password: 'canary-Passw0rd' };
const UNAVAILABLE = { name: 'ConfigurationError', code: 'app_secret_unavailable', statusCode: 500 };

const issuer = useIssuer();
const open = useClients(issuer);
const signIns = (): number => issuer().count(SIGN_IN_PATH);

/** GenAuth takes this secret alone, and says 401 to any other. */
const accept = (secret: string): void => {
  issuer().replySignIn();
  const { key } = issuer();
  const data = {
    id_token: issuer().sign(issuer().idTokenClaims(), { kid: key.kid }),
    access_token: issuer().sign(issuer().accessTokenClaims()),
  };
  issuer().reply(SIGN_IN_PATH, (request) =>
    secretOf(request) === secret
      ? { body: { statusCode: 200, data } }
      : { body: { statusCode: 401, message: 'client authentication failed' } },
  );
};
const secretOf = ({ body, headers }: ReceivedRequest): string | undefined => {
  const basic = Buffer.from(headers.authorization?.replace('Basic ', '') ?? '', 'base64').toString();
  return basic === '' ? (JSON.parse(body) as { client_secret?: string }).client_secret : basic.split(':')[1];
};

describe.each(['client_secret_post', 'client_secret_basic'] as const)('%s', (tokenEndpointAuthMethod) => {
  const openBy = (source: AppSecretSource, options = {}): ReturnType<typeof open> =>
    open({ tokenEndpointAuthMethod, appSecret: source, ...options });

  it('a secret from a function is what is sent; ten logins ask once', async () => {
    accept(OLD);
    const { source, asked } = vault(OLD);
    const client = openBy(source);
    expect(asked()).toBe(0);
    for (let i = 0; i < 10; i += 1) expect(await client.signIn(ALICE)).toMatchObject({ kind: 'success' });
    expect([asked(), signIns()]).toEqual([1, 10]);
    expect(findLeaks(client, [OLD])).toEqual([]);
  });

  it('renewed after a refusal: the same login succeeds, with exactly 2 sign-ins', async () => {
    accept(NEW);
    const { source, asked } = vault(OLD, NEW);
    const client = openBy(source);
    expect(await client.signIn(ALICE)).toMatchObject({ kind: 'success' });
    expect(
      issuer()
        .requests.filter(({ path }) => path === SIGN_IN_PATH)
        .map(secretOf),
    ).toEqual([OLD, NEW]);
    expect(asked()).toBe(2);
    await client.signIn(ALICE);
    expect([asked(), signIns()]).toEqual([2, 3]);
  });

  it('renewed after the refusal of RFC 6749, invalid_client: the same login succeeds', async () => {
    const tokens = {
      id_token: issuer().sign(issuer().idTokenClaims()),
      access_token: issuer().sign(issuer().accessTokenClaims()),
    };
    issuer().reply(SIGN_IN_PATH, (request) =>
      secretOf(request) === NEW
        ? { body: { statusCode: 200, data: tokens } }
        : { status: 401, body: { error: 'invalid_client' } },
    );
    expect(await openBy(vault(OLD, NEW).source).signIn(ALICE)).toMatchObject({ kind: 'success' });
    expect(signIns()).toBe(2);
  });

  it('unchanged: not tried again, and the operator must act', async () => {
    accept(NEW);
    const { source, asked } = vault(OLD);
    const error = await catchError(openBy(source).signIn(ALICE));
    expect(error).toMatchObject({ code: 'client_authentication_failed', statusCode: 500 });
    expect([asked(), signIns()]).toEqual([2, 1]);
    expect(findLeaks(error, [OLD, ALICE.password])).toEqual([]);
  });

  it('refused twice, each time with another one: two sign-ins, and no third', async () => {
    accept('yet another');
    const { source, asked } = vault(OLD, NEW, 'third', 'fourth');
    expect(await catchError(openBy(source).signIn(ALICE))).toMatchObject({ code: 'client_authentication_failed' });
    expect([asked(), signIns()]).toEqual([2, 2]);
  });

  it('a text is not tried again', async () => {
    accept(NEW);
    expect(await catchError(openBy(OLD).signIn(ALICE))).toMatchObject({ code: 'client_authentication_failed' });
    expect(signIns()).toBe(1);
  });

  it('a vault that is sealed: nothing is sent; one that is sealed at the second question: no second sign-in', async () => {
    accept(NEW);
    expect(await catchError(openBy(vault(undefined).source).signIn(ALICE))).toMatchObject(UNAVAILABLE);
    expect(signIns()).toBe(0);
    expect(await catchError(openBy(vault(OLD, undefined).source).signIn(ALICE))).toMatchObject(UNAVAILABLE);
    expect(signIns()).toBe(1);
  });

  it('50 logins that are refused with one secret ask once more in all, and every one is sent twice', async () => {
    accept(NEW);
    const gate = new Gate();
    const secrets = [OLD, NEW];
    let asked = 0;
    const client = openBy(async () => {
      asked += 1;
      if (asked > 1) await gate.opened;
      return secrets[asked - 1] ?? NEW;
    });
    const logins = Promise.all(Array.from({ length: 50 }, () => client.signIn(ALICE)));
    await until(() => asked === 2 && signIns() === 50);
    gate.open();
    expect(new Set((await logins).map(({ kind }) => kind))).toEqual(new Set(['success']));
    expect([asked, signIns()]).toEqual([2, 100]);
  });

  it('other refusals do not ask for another secret', async () => {
    const { source, asked } = vault(OLD, NEW);
    const client = openBy(source);
    for (const body of [{ statusCode: 401, apiCode: 2020 }, { statusCode: 403, apiCode: 2333 }, { statusCode: 403 }]) {
      issuer().reply(SIGN_IN_PATH, { body });
      expect(await client.signIn(ALICE)).toMatchObject({ statusCode: body.statusCode });
    }
    issuer().reply(SIGN_IN_PATH, { status: 401, body: '<html>' });
    await catchError(client.signIn(ALICE));
    expect([asked(), signIns()]).toEqual([1, 4]);
  });

  it('both refusals that are tried anew, one after the other: three sign-ins, and no more', async () => {
    issuer().reply('/api/v3/system', {
      body: { rsa: { publicKey: issuer().key.publicKey.export({ type: 'spki', format: 'pem' }) } },
    });
    const answers = [{ statusCode: 401 }, { statusCode: 499, apiCode: 2016 }, { statusCode: 401 }, { statusCode: 401 }];
    issuer().reply(SIGN_IN_PATH, () => ({ body: answers.shift() }));
    const client = openBy(vault(OLD, NEW, 'third').source, { passwordEncryptType: 'rsa' });
    expect(await catchError(client.signIn(ALICE))).toMatchObject({ code: 'client_authentication_failed' });
    expect(signIns()).toBe(3);
  });
});

describe('HS256 with a secret that is replaced', () => {
  const hs256 = (secret: string, claims = issuer().idTokenClaims()): string =>
    buildToken({ alg: 'HS256', typ: 'JWT' }, claims, secret, 'HS256');
  const options = { idTokenSignedResponseAlg: 'HS256' } as const;

  it('GenAuth refuses the old one: the login succeeds with the new one, token and all', async () => {
    accept(NEW);
    const answer = { id_token: hs256(NEW), access_token: issuer().sign(issuer().accessTokenClaims()) };
    issuer().reply(SIGN_IN_PATH, (request) => ({
      body: secretOf(request) === NEW ? { statusCode: 200, data: answer } : { statusCode: 401 },
    }));
    const { source, asked } = vault(OLD, NEW);
    expect(await open({ ...options, appSecret: source }).signIn(ALICE)).toMatchObject({ kind: 'success' });
    expect([asked(), signIns()]).toEqual([2, 2]);
  });

  it('GenAuth still takes the old one and signs with the new: asked again, and no second sign-in', async () => {
    issuer().replySignIn({ id_token: hs256(NEW) });
    const { source, asked } = vault(OLD, NEW);
    const client = open({ ...options, appSecret: source });
    expect(await client.signIn(ALICE)).toMatchObject({ kind: 'success' });
    expect([asked(), signIns(), lastSignIn(issuer())['client_secret']]).toEqual([2, 1, OLD]);
    await client.signIn(ALICE);
    expect([asked(), lastSignIn(issuer())['client_secret']]).toEqual([2, NEW]);
  });

  it('a stranger’s token does not make us ask again, whatever it is signed with', async () => {
    const { source, asked } = vault(OLD, NEW);
    const client = open({ ...options, appSecret: source });
    const claims = issuer().idTokenClaims();
    for (let i = 0; i < 100; i += 1) {
      const error = await catchError(client.verifyIdToken(hs256(i % 2 === 0 ? NEW : 'stranger', claims)));
      expect(error).toMatchObject({ code: 'token_signature_invalid', statusCode: 401 });
    }
    expect(asked()).toBe(1);
    expect(await client.verifyIdToken(hs256(OLD, claims))).toMatchObject(claims);
  });

  it('a guard notices a new secret 30 s after it asked last; a vault that is down then changes nothing', async () => {
    let now = Date.now();
    const { source, asked } = vault(OLD, undefined, NEW);
    const settings = { ...options, appSecret: source } as const;
    const client = open(settings, { now: () => now });
    const claims = { ...issuer().idTokenClaims({}, now), exp: Math.floor(now / 1000) + 3600 };
    expect(await client.verifyIdToken(hs256(OLD, claims))).toMatchObject(claims);
    for (const [seconds, questions] of [
      [29, 1],
      [1, 2],
      [29, 2],
    ] as const) {
      now += seconds * 1000;
      const error = await catchError(client.verifyIdToken(hs256(NEW, claims)));
      expect([error, asked()]).toMatchObject([{ code: 'token_signature_invalid' }, questions]);
      expect(await client.verifyIdToken(hs256(OLD, claims))).toMatchObject(claims);
    }
    now += 1000;
    expect(await client.verifyIdToken(hs256(NEW, claims))).toMatchObject(claims);
    expect(asked()).toBe(3);
  });

  it.each([
    ['too short', 'x'.repeat(31), 'app_secret_too_short'],
    ['short in characters, long in bytes', 'ü'.repeat(16), 'upstream_token_invalid'],
  ])('a secret that turns out %s: %j: %s', async (_name, secret, code) => {
    issuer().replySignIn({ id_token: hs256(LONG_SECRET) });
    const error = await catchError(open({ ...options, appSecret: () => secret }).signIn(ALICE));
    expect(error).toMatchObject({ code });
    expect(findLeaks(error, [secret])).toEqual([]);
    expect(signIns()).toBe(1);
  });

  it('a secret that is too short signs nothing, not even what was signed with it', async () => {
    const short = 'x'.repeat(31);
    const client = open({ ...options, appSecret: () => short });
    for (const token of [hs256(short), hs256(''), hs256('x')]) {
      expect(await catchError(client.verifyIdToken(token))).toMatchObject({
        code: 'app_secret_too_short',
        statusCode: 500,
      });
    }
  });
});
