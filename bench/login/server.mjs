// Runs a server with GenAuth's sign-in and key set, over HTTP and HTTPS. The server does as little work as possible. It
// delays each response by 20 ms, as a network would do.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { Issuer } from '../lib/issuer.mjs';
import { answerCalls, readSettings } from '../lib/processes.mjs';

const DELAY_MS = 20;
/**
 * The number of users. Their tokens are signed before the measurement, so that the server does not limit the number of
 * logins per second.
 */
const USERS = 100;

const { cert, key } = readSettings();

async function serve(server) {
  const issuer = await Issuer.start();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  issuer.setOrigin(
    `${cert !== undefined && 'setSecureContext' in server ? 'https' : 'http'}://127.0.0.1:${server.address().port}`,
  );
  const discovery = JSON.stringify({ issuer: issuer.issuer, jwks_uri: issuer.jwksUri });
  const keySet = JSON.stringify(issuer.jwks);
  const responses = Array.from({ length: USERS }, (_, i) => {
    const data = {
      access_token: issuer.sign(issuer.accessTokenClaims(i)),
      id_token: issuer.sign(issuer.idTokenClaims(i)),
      token_type: 'Bearer',
      expires_in: 3600,
      scope: 'openid profile email phone roles offline_access',
    };
    return JSON.stringify({ statusCode: 200, message: 'Success', requestId: `request-${i}`, data });
  });
  let current = 0;
  const answer = (response, body) => {
    const headers = { 'content-type': 'application/json; charset=utf-8', 'content-length': Buffer.byteLength(body) };
    setTimeout(() => response.writeHead(200, headers).end(body), DELAY_MS);
  };
  server.keepAliveTimeout = 120_000;
  server.on('request', (request, response) => {
    if (request.url === '/oidc/.well-known/openid-configuration') return answer(response, discovery);
    if (request.url === '/oidc/.well-known/jwks.json') return answer(response, keySet);
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const { passwordPayload } = JSON.parse(Buffer.concat(chunks));
      if (passwordPayload.password !== 'passw0rd') return response.writeHead(500).end();
      current = (current + 1) % USERS;
      return answer(response, responses[current]);
    });
  });
  return issuer.appHost;
}

answerCalls({}, { http: await serve(createServer()), https: await serve(createTlsServer({ cert, key })) });
