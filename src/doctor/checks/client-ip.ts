import { GenAuthError } from '../../core/errors.js';
import { isRecord } from '../../core/util/record.js';
import type { Examination } from '../context.js';
import { type Observation, ok, skipped, warning } from '../report.js';

/** The emulator's journal. */
const JOURNAL_PATH = '/emulator/v1/sign-ins';
const MAX_JOURNAL_BYTES = 4 * 1024 * 1024;

/** The client's IP address as GenAuth has it. Only the emulator tells; of a tenant its audit log has to be looked at. */
export async function checkAddress(x: Examination): Promise<Observation[]> {
  const { signedIn, settings } = x;
  const { clientIp } = settings;
  if (signedIn === undefined) return [];
  if (clientIp === undefined) {
    return [skipped('client_ip_not_sent', 'The sign-in had no client IP: give --client-ip ADDRESS.')];
  }
  const recorded = await findRecorded(x, signedIn.requestId);
  if (recorded === undefined) {
    return [
      ok('client_ip_sent', `${clientIp} was sent with the sign-in; the console's audit log shows what became of it.`),
    ];
  }
  if (recorded === clientIp) return [ok('client_ip', `GenAuth was told ${clientIp} for the client's address.`)];
  return [
    warning('client_ip_lost', `${clientIp} was sent for the client's address, and ${x.quote(recorded)} arrived.`, {
      why: 'Lock-out, captcha and IP rules go by this address.',
      mend: 'Look at what stands between here and GenAuth.',
    }),
  ];
}

/** What the journal has of our sign-in; `undefined` where there is no journal. */
async function findRecorded({ http, options }: Examination, requestId: string | undefined): Promise<unknown> {
  // Plain http is for loopback hosts alone, and so is the emulator.
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
