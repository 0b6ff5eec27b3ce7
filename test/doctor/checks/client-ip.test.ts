import type { SignInSuccess } from '../../../src/core/sign-in/outcome.js';
import { checkClientIp } from '../../../src/doctor/checks/client-ip.js';
import { PASSWORD } from '../../support/canary.js';
import { type Reply, useIssuer } from '../../support/issuer.js';
import { ALICE, examine, expectFindings, useContexts } from '../support.js';

const issuer = useIssuer();
const createContext = useContexts();
const signedIn = { requestId: 'request-1', at: 0 } as SignInSuccess & { at: number };
const CLIENT_IP = '203.0.113.7';
const journal = (...entries: unknown[]): Reply => ({ body: entries });
const mine = (clientIp: unknown): object => ({ requestId: 'request-1', clientIp });
const OTHER = { requestId: 'other', clientIp: 'x' };

type Row = [title: string, answer: Reply, outline: string, part: string];
test.each<Row>([
  ['the same address', journal(null, OTHER, mine(CLIENT_IP)), 'ok client_ip', `received ${CLIENT_IP} as`],
  ['a journal with another address', journal(mine('::1')), 'client_ip_lost', 'but GenAuth received "::1".'],
  ['a journal with a password', journal(mine(PASSWORD)), 'client_ip_lost', '"[hidden]"'],
  ['a journal without the address', journal(mine(null)), 'client_ip_lost', 'received null.'],
  ['a journal of other sign-ins', journal(OTHER), 'ok client_ip_sent', `sent ${CLIENT_IP} as the client's address.`],
  ['a journal that is not an array', { body: {} }, 'ok client_ip_sent', ''],
  ['a page', { body: '<html>' }, 'ok client_ip_sent', ''],
  ['a tenant, which has no journal', { status: 404 }, 'ok client_ip_sent', ''],
])('judges %s', async (...[, answer, outline, part]: Row) => {
  issuer().reply('/emulator/v1/sign-ins', answer);
  const context = createContext({ appHost: issuer().url }, { clientIp: CLIENT_IP, signIns: [ALICE] });
  context.signedIn = signedIn;
  expectFindings(await examine(context, checkClientIp), outline, part);
});

test('requests no journal from a host with https, or without an address', async () => {
  const https = createContext({ appHost: issuer().url.replace('http:', 'https:') }, { clientIp: CLIENT_IP });
  const withoutAddress = createContext({ appHost: issuer().url });
  https.signedIn = withoutAddress.signedIn = signedIn;
  expectFindings(await examine(https, checkClientIp), 'ok client_ip_sent');
  expectFindings(
    await examine(withoutAddress, checkClientIp),
    ['skipped client_ip_not_sent'],
    'add --client-ip ADDRESS',
  );
  expect(issuer().count()).toBe(0);
});

test('finds nothing without a sign-in', async () => {
  expect(await checkClientIp(createContext({}, { clientIp: CLIENT_IP }))).toEqual([]);
});
