import type { WireSystem } from '../../core/wire/facts.js';
import { envelope, type Operation } from '../http/operation.js';
import type { EmulatorState } from '../state/state.js';

/** The version numbers and IP addresses in the system information. The IP address is the emulator's address. */
const FACTS = { version: { server: '2.0.0', console: '2.0.0', login: '2.0.0' }, publicIps: ['127.0.0.1'] };

/**
 * Answers `GET /api/v3/system` (SystemInfoResp) with the public keys with which clients encrypt passwords. The response
 * has an envelope only with the option `systemWrapped`.
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

/** Returns the base64 part of a PEM text (RFC 7468) on one line, without the header line and the footer line. */
function stripPem(pem: string): string {
  return pem.replaceAll(/-----[^-]+-----|\s/g, '');
}
