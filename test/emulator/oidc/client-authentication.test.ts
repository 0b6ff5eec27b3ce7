import { TOKEN_ENDPOINT_AUTH_METHODS } from '../../../src/core/wire/facts.js';
import type { GenAuthEmulator } from '../../../src/emulator/index.js';
import { APP_HEADER, postSignIn, useEmulator } from '../support.js';

const ID = 'app-1';
const SECRET = 's3cret:with:colons-and-ü';

const basic = (user: string, password?: string) => ({
  authorization: `Basic ${Buffer.from(password === undefined ? user : `${user}:${password}`).toString('base64')}`,
});
const header = { [APP_HEADER]: ID };
const pair = { client_id: ID, client_secret: SECRET };

interface Way {
  headers?: Record<string, string>;
  body?: Record<string, unknown>;
}

const OK = '200 undefined ';
const REFUSED = '401 undefined client authentication failed';
const UNKNOWN = '499 2011 Application not exists.';

/** How the app may present itself → what an app that is configured for post, for basic and for none is answered. */
const WAYS: [string, Way, [post: string, basic: string, none: string]][] = [
  ['header and pair', { headers: header, body: pair }, [OK, REFUSED, REFUSED]],
  ['GenAuth header and pair', { headers: { 'x-genauth-app-id': ID }, body: pair }, [OK, REFUSED, REFUSED]],
  ['GenAuth header alone', { headers: { 'x-genauth-app-id': ID } }, [REFUSED, REFUSED, OK]],
  ['pair alone', { body: pair }, [OK, REFUSED, REFUSED]],
  ['pair and a Bearer header', { headers: { authorization: 'Bearer x' }, body: pair }, [OK, REFUSED, REFUSED]],
  ['wrong secret', { headers: header, body: { ...pair, client_secret: 'wrong' } }, [REFUSED, REFUSED, REFUSED]],
  ['empty secret', { headers: header, body: { ...pair, client_secret: '' } }, [REFUSED, REFUSED, REFUSED]],
  ['longer secret', { headers: header, body: { ...pair, client_secret: `${SECRET}x` } }, [REFUSED, REFUSED, REFUSED]],
  ['list as secret', { headers: header, body: { ...pair, client_secret: [SECRET] } }, [REFUSED, REFUSED, REFUSED]],
  ['null as secret', { headers: header, body: { ...pair, client_secret: null } }, [REFUSED, REFUSED, REFUSED]],
  ['secret without client_id', { headers: header, body: { client_secret: SECRET } }, [REFUSED, REFUSED, REFUSED]],
  ['client_id without secret', { headers: header, body: { client_id: ID } }, [REFUSED, REFUSED, OK]],
  ['client_id alone', { body: { client_id: ID } }, [REFUSED, REFUSED, OK]],
  ['other client_id', { headers: header, body: { ...pair, client_id: 'other' } }, [REFUSED, REFUSED, REFUSED]],
  ['other client_id, no secret', { headers: header, body: { client_id: 'other' } }, [REFUSED, REFUSED, REFUSED]],
  ['header alone', { headers: header }, [REFUSED, REFUSED, OK]],
  ['header and Basic', { headers: { ...header, ...basic(ID, SECRET) } }, [REFUSED, OK, REFUSED]],
  ['Basic alone', { headers: basic(ID, SECRET) }, [REFUSED, OK, REFUSED]],
  [
    'Basic in lower case',
    { headers: { authorization: basic(ID, SECRET).authorization.replace('Basic', 'basic') } },
    [REFUSED, OK, REFUSED],
  ],
  ['Basic and client_id', { headers: basic(ID, SECRET), body: { client_id: ID } }, [REFUSED, OK, REFUSED]],
  [
    'header, Basic and other client_id',
    { headers: { ...header, ...basic(ID, SECRET) }, body: { client_id: 'other' } },
    [REFUSED, REFUSED, REFUSED],
  ],
  ['Basic and pair', { headers: basic(ID, SECRET), body: pair }, [REFUSED, REFUSED, REFUSED]],
  ['Basic, wrong secret', { headers: basic(ID, 'wrong') }, [REFUSED, REFUSED, REFUSED]],
  ['Basic, wrong user', { headers: { ...header, ...basic('other', SECRET) } }, [REFUSED, REFUSED, REFUSED]],
  ['Basic without colon', { headers: { ...header, ...basic(`${ID}${SECRET}`) } }, [REFUSED, REFUSED, REFUSED]],
  ['Basic, empty', { headers: { ...header, authorization: 'Basic ' } }, [REFUSED, REFUSED, OK]],
  ['nothing', {}, [UNKNOWN, UNKNOWN, UNKNOWN]],
  ['other app in the header', { headers: { [APP_HEADER]: 'other' }, body: pair }, [UNKNOWN, UNKNOWN, UNKNOWN]],
  [
    'other app in the GenAuth header',
    { headers: { 'x-genauth-app-id': 'x' }, body: pair },
    [UNKNOWN, UNKNOWN, UNKNOWN],
  ],
  ['other app in the pair', { body: { ...pair, client_id: 'other' } }, [UNKNOWN, UNKNOWN, UNKNOWN]],
  ['other app in Basic', { headers: basic('other', SECRET) }, [UNKNOWN, UNKNOWN, UNKNOWN]],
  ['list as client_id', { body: { ...pair, client_id: [ID] } }, [UNKNOWN, UNKNOWN, UNKNOWN]],
];

async function tell(emulator: GenAuthEmulator, { headers = {}, body = {} }: Way): Promise<string> {
  const passwordPayload = { account: 'alice', password: 'passw0rd' };
  const { status, answer } = await postSignIn(emulator, { connection: 'PASSWORD', passwordPayload, ...body }, headers);
  expect(status).toBe(200);
  expect(answer.data !== undefined).toBe(answer.statusCode === 200);
  return `${answer.statusCode} ${answer.apiCode} ${answer.message}`;
}

describe.each(TOKEN_ENDPOINT_AUTH_METHODS.map((method, index) => [method, index] as const))(
  'an app with %s',
  (method, index) => {
    const emulator = useEmulator({ appId: ID, appSecret: SECRET, tokenEndpointAuthMethod: method });

    test.each(WAYS)('%s', async (_name, way, expected) => {
      expect(await tell(emulator(), way)).toBe(expected[index]);
    });
  },
);

describe('an app that fails', () => {
  const emulator = useEmulator();

  test('is refused before the person is looked at', async () => {
    const body = { connection: 'PASSWORD', passwordPayload: {}, client_id: emulator().appId, client_secret: 'wrong' };
    const { answer } = await postSignIn(emulator(), body);
    expect(answer.message).toBe('client authentication failed');
    expect(emulator().signIns).toMatchObject([{ outcome: 'client_authentication_failed' }]);
  });
});
