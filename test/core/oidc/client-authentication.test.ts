import { ConfigurationError } from '../../../src/core/errors.js';
import { AppSecret } from '../../../src/core/oidc/app-secret.js';
import {
  ClientAuthentication,
  type ClientProof,
  buildClientProof,
} from '../../../src/core/oidc/client-authentication.js';
import { createVault } from '../../support/vault.js';

const BASIC = { authorization: 'Basic YXBwOnM=' };
const POST = { client_id: 'app', client_secret: 's' };

it.each<['client_secret_post' | 'client_secret_basic' | 'none', 'form' | 'json', ClientProof]>([
  ['client_secret_post', 'form', { headers: {}, members: POST, secret: 's' }],
  ['client_secret_basic', 'form', { headers: BASIC, members: {}, secret: 's' }],
  ['none', 'form', { headers: {}, members: { client_id: 'app' }, secret: undefined }],
  ['none', 'json', { headers: {}, members: {}, secret: undefined }],
])('buildClientProof builds the proof of %s for a %s body', (tokenEndpointAuthMethod, body, expected) => {
  expect(buildClientProof({ appId: 'app', tokenEndpointAuthMethod }, 's', body)).toEqual(expected);
});

const refusal = new ConfigurationError('client_authentication_failed', 'refused');
const other = new ConfigurationError('app_not_found', 'not found');
const UNAVAILABLE = expect.objectContaining({ code: 'app_secret_unavailable' });
const vault = (...secrets: unknown[]): (() => Promise<string>) => createVault(...secrets).source;

it.each<[string, string | (() => Promise<string>), ConfigurationError, string, unknown, string[]]>([
  ['sends an accepted secret once', vault('new'), refusal, 'new', 'done', ['new']],
  ['does not repeat a constant secret', 'old', refusal, 'new', refusal, ['old']],
  ['sends a renewed secret', vault('old', 'new'), refusal, 'new', 'done', ['old', 'new']],
  ['sends at most two secrets', vault('old', 'newer', 'new'), refusal, 'new', refusal, ['old', 'newer']],
  ['does not repeat the same secret', vault('old', 'old', 'new'), refusal, 'new', refusal, ['old']],
  ['does not repeat after another error', vault('old', 'new'), other, 'new', other, ['old']],
  ['does not repeat if the function fails later', vault('old', undefined), refusal, 'new', UNAVAILABLE, ['old']],
])('prove %s', async (_name, source, error, accepted, expected, expectedSecrets) => {
  const identity = { appId: 'app', tokenEndpointAuthMethod: 'client_secret_post' } as const;
  const sent: unknown[] = [];
  const answers = new Map([[accepted, Promise.resolve('done')]]);
  const exchange = ({ secret = '' }: ClientProof): Promise<string> => {
    sent.push(secret);
    return answers.get(secret) ?? Promise.reject(error);
  };
  const authentication = new ClientAuthentication(identity, new AppSecret(source));
  expect(await authentication.prove('form', exchange).catch((thrown: unknown) => thrown)).toEqual(expected);
  expect(sent).toEqual(expectedSecrets);
});

it.each([
  ['a failing function', vault(undefined)],
  ['another secret', vault('old', 'new')],
])('prove needs no secret and repeats nothing with the method none and %s', async (_title, source) => {
  const identity = { appId: 'app', tokenEndpointAuthMethod: 'none' } as const;
  const sent: unknown[] = [];
  const exchange = ({ secret }: ClientProof): Promise<string> => Promise.reject(sent.push(secret) && refusal);
  const proving = new ClientAuthentication(identity, new AppSecret(source)).prove('json', exchange);
  expect(await proving.catch((thrown: unknown) => thrown)).toBe(refusal);
  expect(sent).toStrictEqual([undefined]);
});
