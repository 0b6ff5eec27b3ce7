import { checkEncryption } from '../../../src/doctor/checks/encryption.js';
import { APP_ID, useIssuer } from '../../support/issuer.js';
import { createRsaPasswordKey, createSm2PasswordKey } from '../../support/password-key.js';
import { expectFindings, useContexts } from '../support.js';

const issuer = useIssuer();
const createContext = useContexts();
const rsa = { rsa: { publicKey: createRsaPasswordKey().publicKey } };
const sm2 = { sm2: { publicKey: createSm2PasswordKey().publicKey } };
const UNUSABLE = 'password_key_unusable';

test.each<[type: 'none' | 'rsa' | 'sm2', keys: string, body: unknown, outline: string, part: string]>([
  ['none', 'both keys', { ...rsa, ...sm2 }, 'ok encryption_not_used', 'GenAuth has keys for rsa and sm2.'],
  ['none', 'no key', {}, 'ok encryption_not_used', 'GenAuth has no keys to encrypt passwords.'],
  ['rsa', 'an rsa key', rsa, 'ok encryption', "Passwords of up to 117 bytes can be encrypted with GenAuth's rsa key."],
  ['sm2', 'an sm2 key', sm2, 'ok encryption', "Passwords can be encrypted with GenAuth's sm2 key."],
  ['rsa', 'an sm2 key', sm2, UNUSABLE, 'Set GENAUTH_PASSWORD_ENCRYPT_TYPE=sm2'],
  ['sm2', 'no key', {}, UNUSABLE, 'Set GENAUTH_PASSWORD_ENCRYPT_TYPE=none'],
])('judges passwordEncryptType %s at a tenant with %s', async (passwordEncryptType, _keys, body, outline, part) => {
  issuer().reply('/api/v3/system', { body });
  expectFindings(await checkEncryption(createContext({ appHost: issuer().url, passwordEncryptType })), outline, part);
  expect(JSON.stringify(issuer().requests[0]?.headers)).toContain(APP_ID);
});
