import type { GenAuthOptions } from '../../src/index.js';
import { type BearerRequirements, authenticateBearer } from '../../src/web/authenticate-bearer.js';
import { useClients } from '../support/client.js';
import { SUBJECT, useIssuer } from '../support/issuer.js';
import { catchError } from '../support/promise.js';

const issuer = useIssuer();
const open = useClients(issuer);
const REQUEST = { headers: {} };
const never = (): Promise<never> => new Promise(() => {});

function authenticate(options: Partial<GenAuthOptions>, requirements?: BearerRequirements): () => Promise<unknown> {
  const client = open(options);
  const token = issuer().sign(issuer().accessTokenClaims());
  return async () => (await authenticateBearer(client, token, REQUEST, requirements)).user;
}

it.each([
  [0, [1, 2]],
  [60_000, [1, 1]],
])('with resolveUserMaxAge %i the users of two requests are %j', async (resolveUserMaxAge, numbers) => {
  let calls = 0;
  const ask = authenticate({ resolveUser: (_req, { sub }) => ({ sub, number: (calls += 1) }), resolveUserMaxAge });
  expect([await ask(), await ask()]).toEqual(numbers.map((number) => ({ sub: SUBJECT, number })));
});

it('a refusal of resolveUser is not reused', async () => {
  const answers = [null, false, { id: 1 }] as const;
  let calls = 0;
  const ask = authenticate({ resolveUser: () => answers[calls++] ?? null, resolveUserMaxAge: 60_000 });
  const denied = { code: 'verify_denied', statusCode: 403, details: { callback: 'resolveUser' } };
  expect([await catchError(ask()), await catchError(ask()), await ask()]).toMatchObject([denied, denied, { id: 1 }]);
});

it.each<[title: string, resolveUser: () => unknown]>([
  ['undefined', () => undefined],
  ['the rows of a query', () => []],
  ['a promise of a string', async () => 'id'],
])('resolveUser that returns %s is a mistake of the application', async (_title, resolveUser) => {
  const error = await catchError(authenticate({ resolveUser: resolveUser as never })());
  const mistakes = [{ option: 'resolveUser' }];
  expect(error).toMatchObject({ code: 'invalid_callback_result', statusCode: 500, details: { mistakes } });
});

it('an error of resolveUser passes on unchanged', async () => {
  const error = new Error('of the database');
  await expect(authenticate({ resolveUser: () => Promise.reject(error) })()).rejects.toBe(error);
});

it.each<[string, Partial<GenAuthOptions>, BearerRequirements]>([
  ['resolveUser', { resolveUser: never }, {}],
  ['tenant', {}, { tenant: never }],
])('%s must end within the option timeout', async (option, options, requirements) => {
  const error = await catchError(authenticate({ ...options, timeout: 300 }, requirements)());
  expect(error).toMatchObject({ code: 'callback_timeout', details: { mistakes: [{ option }] } });
});
