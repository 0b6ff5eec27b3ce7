import { GenAuthError, RequestError } from '../../core/errors.js';
import { MAX_DOCUMENT_BYTES } from '../../core/http/upstream.js';
import { PasswordEncryption, type PasswordKey } from '../../core/sign-in/password-encryption.js';
import { buildAppHeaders } from '../../core/sign-in/request.js';
import { PATHS } from '../../core/wire/facts.js';
import type { Context } from '../context.js';
import { type Observation, error, ok } from '../report.js';

const TYPES = ['rsa', 'sm2'] as const;
/** Characters, more than an RSA key can encrypt. */
const LONG_PASSWORD_LENGTH = 1024;

/** Checks GenAuth's public keys for passwords: the configured one must be usable, the others are listed. */
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
    const offered =
      usable.length === 0 ? 'GenAuth has no keys to encrypt them' : `GenAuth has keys for ${usable.join(' and ')}`;
    return [ok('encryption_not_used', `TLS alone protects passwords (passwordEncryptType none); ${offered}.`)];
  }
  const { problem, limit } = verdicts.find(({ type }) => type === configured) ?? {};
  if (problem !== undefined) {
    return [
      error('password_key_unusable', problem, {
        impact: 'The library does not send the password without encryption instead: every login fails with 502.',
        fix: context.line('passwordEncryptType', usable[0] ?? 'none'),
      }),
    ];
  }
  const most = limit === undefined ? '' : `, up to ${limit} bytes each`;
  return [ok('encryption', `Passwords can be encrypted with GenAuth's ${configured} key${most}.`)];
}

/** The most bytes that a password may have. Only an RSA key has a limit. */
function findLimit(key: PasswordKey): number | undefined {
  try {
    key.encrypt('x'.repeat(LONG_PASSWORD_LENGTH));
    return undefined;
  } catch (fault) {
    if (fault instanceof RequestError) return fault.details.limit;
    throw fault;
  }
}
