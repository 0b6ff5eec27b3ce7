import { GenAuthError } from '../../core/errors.js';
import { isRecord } from '../../core/util/record.js';
import type { Context } from '../context.js';
import { type Observation, ok, skipped, warning } from '../report.js';

/** The emulator's journal. */
const JOURNAL_PATH = '/emulator/v1/sign-ins';
const MAX_JOURNAL_BYTES = 4 * 1024 * 1024;

/**
 * Checks which IP address GenAuth received for the client. Only the emulator shows it. For a tenant the console's audit
 * log shows it.
 */
export async function checkClientIp(context: Context): Promise<Observation[]> {
  const { signedIn, settings } = context;
  const { clientIp } = settings;
  if (signedIn === undefined) return [];
  if (clientIp === undefined) {
    return [skipped('client_ip_not_sent', 'The sign-in had no client IP: give --client-ip ADDRESS.')];
  }
  const recorded = await findRecorded(context, signedIn.requestId);
  if (recorded === undefined) {
    return [ok('client_ip_sent', `${clientIp} was sent with the sign-in. The console's audit log shows what arrived.`)];
  }
  if (recorded === clientIp) return [ok('client_ip', `GenAuth received ${clientIp} as the client's address.`)];
  const message = `${clientIp} was sent as the client's address, but ${context.quote(recorded)} arrived.`;
  return [
    warning('client_ip_lost', message, {
      impact: 'Lock-out, captcha and IP rules use this address.',
      fix: 'Check the proxies and gateways between this machine and GenAuth.',
    }),
  ];
}

/** The address in the journal's entry of our sign-in; `undefined` without a journal. */
async function findRecorded({ http, options }: Context, requestId: string | undefined): Promise<unknown> {
  // The emulator is only on loopback hosts, and so is plain http.
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
