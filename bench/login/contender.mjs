// Signs in with one contender, as often as the parent process requests.
import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import { APP_ID } from '../lib/issuer.mjs';
import { answerCalls, readCpuTime, readSettings } from '../lib/processes.mjs';
import { startProfile, stopProfile } from '../lib/profile.mjs';
import { quantile } from '../lib/statistics.mjs';

const { appHost, contender, package: own } = readSettings();
const APP_SECRET = 'secret-of-the-bench-0123456789abcdef';
const CREDENTIALS = { account: 'alice', password: 'passw0rd' };
const SCOPE = 'openid profile email username roles';
const SIGN_IN = {
  connection: 'PASSWORD',
  passwordPayload: CREDENTIALS,
  options: { scope: SCOPE },
  client_id: APP_ID,
  client_secret: APP_SECRET,
};
const HEADERS = { 'content-type': 'application/json', 'x-authing-app-id': APP_ID };

/**
 * Creates a function that verifies the id_token with jose, as a careful developer would write it. The key set is
 * fetched once.
 */
async function createVerify() {
  const { createRemoteJWKSet, jwtVerify } = await import('jose');
  const keySet = createRemoteJWKSet(new URL(`${appHost}/oidc/.well-known/jwks.json`));
  const options = { issuer: `${appHost}/oidc`, audience: APP_ID, algorithms: ['RS256'], requiredClaims: ['exp'] };
  return async ({ statusCode, data }) => {
    if (statusCode !== 200) throw new Error(`The sign-in returned statusCode ${statusCode}.`);
    return (await jwtVerify(data.id_token, keySet, options)).payload;
  };
}

async function createAxios() {
  const { default: axios } = await import('axios');
  const pool = { keepAlive: true };
  return axios.create({
    baseURL: appHost,
    timeout: 10_000,
    httpAgent: new HttpAgent(pool),
    httpsAgent: new HttpsAgent(pool),
  });
}

const CONTENDERS = {
  'passport-genauth': async () => {
    const { GenAuthClient } = await import(`${own}index.js`);
    const client = new GenAuthClient({ appId: APP_ID, appSecret: APP_SECRET, appHost, scope: SCOPE.split(' ') });
    await client.warmUp();
    return async () => {
      const outcome = await client.signIn(CREDENTIALS);
      if (outcome.kind !== 'success') throw new Error(`The sign-in ended with the outcome ${outcome.kind}.`);
      return outcome.claims;
    };
  },
  'authing-node-sdk': async () => {
    const { AuthenticationClient } = await import('authing-node-sdk');
    const client = new AuthenticationClient({
      appId: APP_ID,
      appSecret: APP_SECRET,
      appHost,
      tokenEndPointAuthMethod: 'client_secret_post',
    });
    return async () => {
      const { data } = await client.signInByAccountPassword({ ...CREDENTIALS, options: { scope: SCOPE } });
      return client.parseIDToken(data.id_token);
    };
  },
  'axios + jose': async () => {
    const http = await createAxios();
    const verify = await createVerify();
    return async () => verify((await http.post('/api/v3/signin', SIGN_IN, { headers: HEADERS })).data);
  },
  'axios, id_token not verified': async () => {
    const http = await createAxios();
    return async () => {
      const { data } = await http.post('/api/v3/signin', SIGN_IN, { headers: HEADERS });
      return { sub: data.data.id_token };
    };
  },
  'undici + jose': async () => {
    const { Pool } = await import('undici');
    const verify = await createVerify();
    const pool = new Pool(appHost, { connections: 256, pipelining: 1 });
    return async () => {
      const { body } = await pool.request({
        method: 'POST',
        path: '/api/v3/signin',
        headers: HEADERS,
        body: JSON.stringify(SIGN_IN),
      });
      return verify(await body.json());
    };
  },
};

const signIn = await CONTENDERS[contender]();

/**
 * Signs in repeatedly for the given number of milliseconds.
 *
 * @param parallel - The number of parallel logins.
 * @param atLeast - The minimum number of logins, even if they take longer than `milliseconds`.
 * @returns `rate` in logins per second, `p50` and `p99` in milliseconds, `cpu` in microseconds for one login.
 */
async function run(parallel, milliseconds, atLeast = 0) {
  const until = performance.now() + milliseconds;
  const times = [];
  const before = { at: performance.now(), cpu: readCpuTime() };
  const work = async () => {
    do {
      const start = performance.now();
      const { sub } = await signIn();
      if (typeof sub !== 'string') throw new Error('A login returned no claim sub.');
      times.push(performance.now() - start);
    } while (performance.now() < until || times.length < atLeast);
  };
  await Promise.all(Array.from({ length: parallel }, work));
  const seconds = (performance.now() - before.at) / 1000;
  const cpu = (readCpuTime() - before.cpu) / times.length;
  times.sort((a, b) => a - b);
  return {
    logins: times.length,
    rate: times.length / seconds,
    p50: quantile(times, 0.5),
    p99: quantile(times, 0.99),
    cpu,
  };
}

await signIn();
answerCalls({ run, startProfile, stopProfile }, true);
