// Prints what GenAuth's official SDK and this package do with the same tokens and answers: npm run compare:sdk.
// Both sign in at the emulator. The README shows this table.
import { createHmac } from 'node:crypto';
import { inspect } from 'node:util';
import { AuthenticationClient } from 'authing-node-sdk';
import { GenAuthClient } from 'passport-genauth';
import { GenAuthEmulator } from 'passport-genauth/emulator';

const PASSWORD = 'passw0rd';
const APP_SECRET = 'secret-of-the-comparison-0123456789abcdef';
const ALICE = { account: 'alice', password: PASSWORD };

const emulator = await new GenAuthEmulator({ appSecret: APP_SECRET }, () => {}).start();
const { appId, appHost } = emulator.clientOptions;
const sdk = new AuthenticationClient({ appId, appHost, appSecret: APP_SECRET });
const client = new GenAuthClient(emulator.clientOptions);
// An application without a secret, for example a single-page application.
const publicSdk = new AuthenticationClient({ appId, appHost, appSecret: '', tokenEndPointAuthMethod: 'none' });
const publicClient = new GenAuthClient({ appId, appHost, tokenEndpointAuthMethod: 'none' });

const encode = (part) => Buffer.from(part).toString('base64url');
const readPart = (token, index) => JSON.parse(Buffer.from(token.split('.')[index], 'base64url').toString());
const signIn = async () => (await sdk.signInByAccountPassword(ALICE)).data;

/** Gets an id_token with a flaw. The emulator signs it with its key. */
async function issueFlawed(flaw) {
  emulator.flawIdToken(flaw);
  return (await signIn()).id_token;
}

/** Creates an id_token with HS256 and an empty key, which everyone can do. */
async function forge() {
  const { id_token: idToken } = await signIn();
  const input = `${encode('{"alg":"HS256","typ":"JWT"}')}.${encode(JSON.stringify(readPart(idToken, 1)))}`;
  return `${input}.${createHmac('sha256', '').update(input).digest('base64url')}`;
}

/** Returns `accepts`, or `refuses` with the reason if there is one. */
const judge = (verify) =>
  verify().then(
    () => 'accepts',
    ({ code }) => (code === undefined ? 'refuses' : `refuses: \`${code}\``),
  );

async function compareToken(name, token, { method = ['parseIDToken', 'verifyIdToken'], clients = [sdk, client] } = {}) {
  const [bySdk, byClient] = clients.map((each, i) => judge(async () => each[method[i]](token)));
  return [name, await bySdk, await byClient];
}

/** Both fail, because a gateway in front of GenAuth answers 502. Searches the thrown errors for the secrets. */
async function compareErrors() {
  const list = async (call) => {
    emulator.fault({ endpoint: 'signin', status: 502, body: 'Bad Gateway', times: 1 });
    const text = await call().then(
      () => '',
      (error) => inspect(error, { depth: 10 }) + JSON.stringify(error),
    );
    if (text === '') throw new Error('The sign-in did not fail.');
    const found = [
      [PASSWORD, 'the password'],
      [APP_SECRET, 'the secret'],
    ].filter(([secret]) => text.includes(secret));
    return found.length === 0 ? 'none' : found.map(([, name]) => name).join(' and ');
  };
  const bySdk = await list(() => sdk.signInByAccountPassword(ALICE));
  return ['secrets in the error, if GenAuth answers 502', bySdk, await list(() => client.signIn(ALICE))];
}

async function compareWrongPassword() {
  const wrong = { ...ALICE, password: 'wrong' };
  const { data } = await sdk.signInByAccountPassword(wrong);
  const { kind } = await client.signIn(wrong);
  return ['a wrong password', `a response with \`data: ${inspect(data)}\``, `the outcome \`${kind}\``];
}

/** Counts the requests for the key set of ten verifications. */
async function compareRequests() {
  const { id_token: idToken } = await signIn();
  const count = async (verify) => {
    const before = emulator.requests('jwks');
    for (let i = 0; i < 10; i += 1) await verify(idToken);
    return `${emulator.requests('jwks') - before}`;
  };
  const fresh = new GenAuthClient(emulator.clientOptions);
  const counts = [await count((token) => sdk.parseIDToken(token)), await count((token) => fresh.verifyIdToken(token))];
  await fresh.close();
  return ['requests for keys in 10 verifications', ...counts];
}

const rows = [
  ['case', 'authing-node-sdk 4.0.1', 'passport-genauth'],
  await compareToken('an id_token that expired an hour ago', await issueFlawed('expired')),
  await compareToken('an id_token of another application', await issueFlawed('wrong_audience')),
  await compareToken('an id_token of another issuer', await issueFlawed('wrong_issuer')),
  await compareToken('an id_token that is not valid yet', await issueFlawed('not_yet_valid')),
  await compareToken('an id_token with an unknown key ID', await issueFlawed('unknown_kid')),
  await compareToken('an id_token as an access token', (await signIn()).id_token, {
    method: ['parseAccessToken', 'verifyAccessToken'],
  }),
  await compareToken('a forged id_token, for an application without a secret', await forge(), {
    clients: [publicSdk, publicClient],
  }),
  await compareToken('an id_token that another key signed', await issueFlawed('foreign_key')),
  await compareWrongPassword(),
  await compareErrors(),
  await compareRequests(),
];
await Promise.all([client.close(), publicClient.close()]);
await emulator.stop();

const [, ...body] = rows;
const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
const print = (row) => `| ${row.map((cell, column) => cell.padEnd(widths[column])).join(' | ')} |`;
console.log(
  [print(rows[0]), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...body.map(print)].join('\n'),
);
