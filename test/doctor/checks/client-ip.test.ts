import type { SignInSuccess } from '../../../src/core/sign-in/outcome.js';
import { checkClientIp } from '../../../src/doctor/checks/client-ip.js';
import { PASSWORD } from '../../support/canary.js';
import { type Reply, useIssuer } from '../../support/issuer.js';
import { useTcpServers } from '../../support/tcp-server.js';
import { ALICE, expectFindings, useContexts } from '../support.js';

const issuer = useIssuer();
const serve = useTcpServers();
const createContext = useContexts();
const CLIENT_IP = '203.0.113.7';
function check(appHost: string, clientIp: string | undefined) {
  const context = createContext({ appHost }, { clientIp, signIns: [ALICE] });
  context.signedIn = { requestId: 'request-1', at: 0 } as SignInSuccess & { at: number };
  return checkClientIp(context);
}
const mine = (clientIp: unknown): object => ({ requestId: 'request-1', clientIp });
const OTHER = { requestId: 'other', clientIp: 'x' };

type Row = [title: string, answer: Reply, outline: string, part: string];
test.each<Row>([
  ['the same address', { body: [null, OTHER, mine(CLIENT_IP)] }, 'ok client_ip', `received ${CLIENT_IP} as`],
  ['a journal with another address', { body: [mine('::1')] }, 'client_ip_lost', 'but GenAuth received "::1".'],
  ['a journal with a password', { body: [mine(PASSWORD)] }, 'client_ip_lost', '"[hidden]"'],
  ['a journal without the address', { body: [mine(null)] }, 'client_ip_lost', 'received null.'],
  ['a journal of other sign-ins', { body: [OTHER] }, 'ok client_ip_sent', `sent ${CLIENT_IP} as the client's address.`],
  ['a tenant, which has no journal', { body: '<html>' }, 'ok client_ip_sent', ''],
])('judges %s', async (...[, answer, outline, part]: Row) => {
  issuer().reply('/emulator/v1/sign-ins', answer);
  expectFindings(await check(issuer().url, CLIENT_IP), outline, part);
});

test('requests no journal from a host with https, without an address or without a sign-in', async () => {
  const tenant = await serve((socket) => socket.end());
  expectFindings(await check(tenant.url.replace('http:', 'https:'), CLIENT_IP), 'ok client_ip_sent');
  expectFindings(await check(issuer().url, undefined), 'skipped client_ip_not_sent', 'add --client-ip ADDRESS');
  expect(await checkClientIp(createContext({ appHost: issuer().url }, { clientIp: CLIENT_IP }))).toEqual([]);
  expect([tenant.connections, issuer().count()]).toEqual([0, 0]);
});
