import { channel } from 'node:diagnostics_channel';
import { type SignInEvent, publishSignIn } from '../../src/core/events.js';
import { useClients } from '../support/client.js';
import { SIGN_IN_PATH, useIssuer } from '../support/issuer.js';

// In a file of its own, since nobody may have subscribed.
const issuer = useIssuer();
const open = useClients(issuer);

it('where nobody listens, nothing is made', async () => {
  expect(channel('genauth:sign-in').hasSubscribers).toBe(false);
  let made = 0;
  const make = (): SignInEvent => {
    made += 1;
    throw new Error('made for nobody');
  };
  publishSignIn(make);
  expect(made).toBe(0);
  // What the event would have to read is not read.
  issuer().reply(SIGN_IN_PATH, { body: { statusCode: 403, apiCode: 2333, message: 'no' } });
  const outcome = await open().signIn({ account: 'alice', password: 'p' });
  expect(outcome).toMatchObject({ kind: 'invalid_credentials' });
});
