import { ConfigurationError } from '../../../src/core/errors.js';
import { AppSecret } from '../../../src/core/oidc/app-secret.js';
import {
  ClientAuthentication,
  type ClientIdentity,
  buildClientProof,
} from '../../../src/core/oidc/client-authentication.js';
import { catchError } from '../../support/promise.js';

const basic = `Basic ${Buffer.from('app:s').toString('base64')}`;

it.each<[ClientIdentity['tokenEndpointAuthMethod'], 'form' | 'json', object, object]>([
  ['client_secret_post', 'form', {}, { client_id: 'app', client_secret: 's' }],
  ['client_secret_post', 'json', {}, { client_id: 'app', client_secret: 's' }],
  ['client_secret_basic', 'form', { authorization: basic }, {}],
  ['client_secret_basic', 'json', { authorization: basic }, {}],
  ['none', 'form', {}, { client_id: 'app' }],
  ['none', 'json', {}, {}],
])('%s in a body of type %s', (tokenEndpointAuthMethod, body, headers, members) => {
  expect(buildClientProof({ appId: 'app', tokenEndpointAuthMethod }, 's', body)).toEqual({
    headers,
    members,
    secret: tokenEndpointAuthMethod === 'none' ? undefined : 's',
  });
});

describe('prove', () => {
  const refusal = new ConfigurationError('client_authentication_failed', 'refused');
  /** Runs an exchange that accepts one secret, and returns its result and the secrets that were sent. */
  const run = async (source: string | (() => string), accepted: string): Promise<[unknown, unknown[]]> => {
    const identity = { appId: 'app', tokenEndpointAuthMethod: 'client_secret_post' } as const;
    const authentication = new ClientAuthentication(identity, new AppSecret(source));
    const sent: unknown[] = [];
    const result = await authentication
      .prove('form', async ({ secret }) => {
        sent.push(secret);
        if (secret !== accepted) throw refusal;
        return 'done';
      })
      .catch((error: unknown) => error);
    return [result, sent];
  };
  const vault =
    (...secrets: string[]) =>
    (): string =>
      secrets.shift() ?? 'none left';

  it('sends the secret once if it is accepted', async () => {
    expect(await run('s', 's')).toEqual(['done', ['s']]);
  });

  it('does not repeat with a secret that is a text', async () => {
    expect(await run('s', 'other')).toEqual([refusal, ['s']]);
  });

  it('repeats once with a new secret of the function', async () => {
    expect(await run(vault('old', 'new'), 'new')).toEqual(['done', ['old', 'new']]);
    expect(await run(vault('old', 'new', 'newest'), 'newest')).toEqual([refusal, ['old', 'new']]);
  });

  it('does not repeat with the same secret', async () => {
    expect(await run(vault('old', 'old'), 'new')).toEqual([refusal, ['old']]);
  });

  it('does not repeat after another error', async () => {
    const identity = { appId: 'app', tokenEndpointAuthMethod: 'client_secret_post' } as const;
    const authentication = new ClientAuthentication(identity, new AppSecret(vault('old', 'new')));
    let runs = 0;
    const error = new ConfigurationError('app_not_found', 'x');
    const fail = async (): Promise<never> => {
      runs += 1;
      throw error;
    };
    expect(await catchError(authentication.prove('json', fail))).toBe(error);
    expect(runs).toBe(1);
  });
});
