import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { GenAuthClient } from '../../../src/core/client.js';
import { VARIABLES, genAuthOptionsFromEnvironment } from '../../../src/core/options/environment.js';
import { makeFolder } from '../../cli/support.js';
import { CertificateAuthority } from '../../support/certificate.js';
import { catchThrown } from '../../support/thrown.js';

it('reads each variable into its option, the authorities from their file, and no empty or other variable', async () => {
  const { cert } = new CertificateAuthority();
  const folder = await makeFolder();
  const file = join(folder, 'ca.pem');
  await writeFile(file, cert);
  const all = Object.fromEntries(Object.entries(VARIABLES).map(([option, name]) => [name, `of-${option}`]));
  const given = { ...all, GENAUTH_CA: file, GENAUTH_ISSUER: '', GENAUTH_APPID: 'x', appId: 'x' };
  const options = genAuthOptionsFromEnvironment(given);
  await rm(folder, { recursive: true });
  const { issuer: _issuer, ...others } = VARIABLES;
  const expected = Object.fromEntries(Object.keys(others).map((option) => [option, `of-${option}`]));
  expect(options).toStrictEqual({ ...expected, ca: cert });
  const right = { appHost: 'https://tenant.example', scope: 'openid', tokenEndpointAuthMethod: undefined };
  const connection = { proxy: undefined, jwksUri: undefined, idTokenSignedResponseAlg: undefined };
  const client = new GenAuthClient({
    ...options,
    ...right,
    ...connection,
    passwordEncryptType: 'none',
    appSecret: 'x',
  });
  expect(client.options).toMatchObject({ ca: [cert], appId: 'of-appId' });
});

it.each([
  ['/nowhere/ca.pem', 'write the path of a PEM file with certificates'],
  ['"/nowhere/ca.pem"', 'remove the quotes'],
])('names the variable and the file %s that cannot be read', (path, fix) => {
  const error = catchThrown(() => genAuthOptionsFromEnvironment({ GENAUTH_CA: path }));
  const problem = `is ${JSON.stringify(path)}, a file that cannot be read (ENOENT)`;
  const mistakes = [{ option: 'GENAUTH_CA', problem, fix }];
  expect(error).toMatchObject({ code: 'invalid_options', details: { mistakes } });
});
