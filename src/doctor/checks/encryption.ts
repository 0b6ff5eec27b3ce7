import { GenAuthError, RequestError } from '../../core/errors.js';
import { PasswordEncryption, type PasswordKey } from '../../core/sign-in/password-encryption.js';
import { buildAppHeaders } from '../../core/sign-in/request.js';
import { PATHS } from '../../core/wire/facts.js';
import type { Examination } from '../context.js';
import { type Observation, error, ok } from '../report.js';

const MAX_DOCUMENT_BYTES = 256 * 1024;
const TYPES = ['rsa', 'sm2'] as const;

/** GenAuth's keys for passwords: the one that is configured must be usable, the others are told of. */
export async function checkEncryption(x: Examination): Promise<Observation[]> {
  const { passwordEncryptType: configured, appId } = x.options;
  const requestSystem = async (): Promise<unknown> =>
    (
      await x.http.request({
        method: 'GET',
        path: PATHS.system,
        headers: buildAppHeaders(appId),
        maxBytes: MAX_DOCUMENT_BYTES,
      })
    ).body;
  const encryption = new PasswordEncryption({ requestSystem, now: x.settings.now });
  const verdicts = await Promise.all(
    TYPES.map(async (type) => {
      try {
        return { type, problem: undefined, limit: measure(await encryption.getKey(type)) };
      } catch (fault) {
        if (fault instanceof GenAuthError) return { type, problem: x.describe(fault), limit: '' };
        throw fault;
      }
    }),
  );
  const usable = verdicts.filter(({ problem }) => problem === undefined).map(({ type }) => type);
  if (configured === 'none') {
    const offered =
      usable.length === 0 ? 'GenAuth has no key for more' : `GenAuth has keys for ${usable.join(' and ')}`;
    return [ok('encryption_not_used', `Passwords travel under TLS alone (passwordEncryptType none); ${offered}.`)];
  }
  const { problem, limit = '' } = verdicts.find(({ type }) => type === configured) ?? {};
  if (problem !== undefined) {
    return [
      error('password_key_unusable', problem, {
        why: 'A password is never sent in the clear instead: every login ends with 502.',
        mend: x.line('passwordEncryptType', usable[0] ?? 'none'),
      }),
    ];
  }
  return [ok('encryption', `Passwords can be encrypted with GenAuth's ${configured} key${limit}.`)];
}

/** How long a password may be, which only an RSA key limits. */
function measure(key: PasswordKey): string {
  try {
    key.encrypt('x'.repeat(1024));
    return '';
  } catch (fault) {
    const bytes = fault instanceof RequestError ? /at most (\d+)/.exec(fault.message)?.[1] : undefined;
    if (bytes === undefined) throw fault;
    return `, up to ${bytes} bytes of them`;
  }
}
