import type { WireSystem } from '../../core/wire/facts.js';
import { envelope, type Operation } from '../http/operation.js';
import type { EmulatorState } from '../state/state.js';

/** Public facts of a GenAuth server; the addresses are those of the emulator. */
const FACTS = { version: { server: '2.0.0', console: '2.0.0', login: '2.0.0' }, publicIps: ['127.0.0.1'] };

/**
 * `GET /api/v3/system` (SystemInfoResp): the keys for passwords. Without an envelope, unless the options ask for one.
 */
export const getSystem: Operation<EmulatorState> = async ({ config, encryptionKeys }, request) => {
  const [rsa, sm2] = await Promise.all([encryptionKeys.rsa, encryptionKeys.sm2]);
  const system: WireSystem = {
    rsa: { publicKey: config.rsaKeyFormat === 'pem' ? rsa.publicKey : stripPem(rsa.publicKey) },
    sm2: { publicKey: sm2.publicKey },
    ...FACTS,
  };
  if (config.systemWrapped) return envelope(request, { statusCode: 200, message: '', data: system });
  return { status: 200, body: system };
};

/** The base64 between the lines of a PEM (RFC 7468), on one line. */
function stripPem(pem: string): string {
  return pem.replaceAll(/-----[^-]+-----|\s/g, '');
}
