import { GenAuthError } from '../../core/errors.js';
import { isRecord } from '../../core/util/record.js';
import type { Context } from '../context.js';
import { type Observation, ok, skipped, warning } from '../report.js';

/** The path of the emulator's journal, which records each sign-in. */
const JOURNAL_PATH = '/emulator/v1/sign-ins';
const MAX_JOURNAL_BYTES = 4 * 1024 * 1024;

/**
 * Checks which client IP address GenAuth received. Only the emulator reports this address to the doctor. A GenAuth
 * tenant shows the address in the audit log of the console.
 */
export async function checkClientIp(context: Context): Promise<Observation[]> {
  const { signedIn, settings } = context;
  const { clientIp } = settings;
  if (signedIn === undefined) return [];
  if (clientIp === undefined) {
    return [skipped('client_ip_not_sent', 'The sign-in sent no client address. To check it, add --client-ip ADDRESS.')];
  }
  const recorded = await findRecorded(context, signedIn.requestId);
  if (recorded === undefined) {
    const message =
      `The sign-in sent ${clientIp} as the client's address. ` +
      'The audit log of the console shows the address that GenAuth received.';
    return [ok('client_ip_sent', message)];
  }
  if (recorded === clientIp) return [ok('client_ip', `GenAuth received ${clientIp} as the client's address.`)];
  const received = context.quote(recorded);
  const message = `The sign-in sent ${clientIp} as the client's address, but GenAuth received ${received}.`;
  return [
    warning('client_ip_lost', message, {
      impact: 'GenAuth applies lock-out, captcha and IP rules to the wrong address.',
      fix: 'Check the proxies and gateways between this machine and GenAuth. One of them changes the request.',
    }),
  ];
}

/**
 * Returns the client IP address in the journal's entry for the doctor's sign-in, or `undefined` if GenAuth has no
 * journal.
 */
async function findRecorded({ http, options }: Context, requestId: string | undefined): Promise<unknown> {
  // Only loopback hosts may use `http:`. A host with `https:` is a GenAuth tenant and not an emulator.
  if (!options.appHost.startsWith('http://')) return undefined;
  try {
    const { body } = await http.request({ method: 'GET', path: JOURNAL_PATH, maxBytes: MAX_JOURNAL_BYTES });
    const entry: unknown = Array.isArray(body)
      ? body.find((each) => isRecord(each) && each['requestId'] === requestId)
      : undefined;
    return isRecord(entry) ? entry['clientIp'] : undefined;
  } catch (fault) {
    if (fault instanceof GenAuthError) return undefined;
    throw fault;
  }
}
