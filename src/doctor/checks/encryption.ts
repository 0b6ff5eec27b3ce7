import { GenAuthError, RequestError } from '../../core/errors.js';
import { MAX_DOCUMENT_BYTES } from '../../core/http/upstream.js';
import { PasswordEncryption, type PasswordKey } from '../../core/sign-in/password-encryption.js';
import { buildAppHeaders } from '../../core/sign-in/request.js';
import { PATHS } from '../../core/wire/facts.js';
import type { Context } from '../context.js';
import { type Observation, error, ok } from '../report.js';

const TYPES = ['rsa', 'sm2'] as const;
/** The length of a test password, in characters. It is longer than the longest password that an RSA key can encrypt. */
const LONG_PASSWORD_LENGTH = 1024;

/**
 * Checks GenAuth's public keys for password encryption. The key for the option `passwordEncryptType` must be usable.
 */
export async function checkEncryption(context: Context): Promise<Observation[]> {
  const { passwordEncryptType: configured, appId } = context.options;
  const requestSystem = async (): Promise<unknown> => {
    const headers = buildAppHeaders(appId);
    const { body } = await context.http.request({
      method: 'GET',
      path: PATHS.system,
      headers,
      maxBytes: MAX_DOCUMENT_BYTES,
    });
    return body;
  };
  const encryption = new PasswordEncryption({ requestSystem, now: context.settings.now });
  const verdicts = await Promise.all(
    TYPES.map(async (type) => {
      try {
        return { type, problem: undefined, limit: findLimit(await encryption.getKey(type)) };
      } catch (fault) {
        if (fault instanceof GenAuthError) return { type, problem: context.describe(fault), limit: undefined };
        throw fault;
      }
    }),
  );
  const usable = verdicts.filter(({ problem }) => problem === undefined).map(({ type }) => type);
  if (configured === 'none') {
    const offered = usable.length === 0 ? 'no keys to encrypt passwords' : `keys for ${usable.join(' and ')}`;
    const message = `Only TLS protects passwords (passwordEncryptType none). GenAuth has ${offered}.`;
    return [ok('encryption_not_used', message)];
  }
  const { problem, limit } = verdicts.find(({ type }) => type === configured) ?? {};
  if (problem !== undefined) {
    return [
      error('password_key_unusable', problem, {
        impact:
          'Every login fails with HTTP 502 or 503. ' +
          'The library does not send a password without the configured encryption.',
        fix: `Set ${context.setting('passwordEncryptType', usable[0] ?? 'none')}`,
      }),
    ];
  }
  const length = limit === undefined ? '' : ` of up to ${limit} bytes`;
  return [ok('encryption', `Passwords${length} can be encrypted with GenAuth's ${configured} key.`)];
}

/**
 * Returns the maximum length of a password in bytes, or `undefined` if there is no limit. Only an RSA key has a limit.
 */
function findLimit(key: PasswordKey): number | undefined {
  try {
    key.encrypt('x'.repeat(LONG_PASSWORD_LENGTH));
    return undefined;
  } catch (fault) {
    if (fault instanceof RequestError) return fault.details.limit;
    throw fault;
  }
}
