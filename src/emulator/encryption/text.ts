/** Strict: bytes that are no UTF-8 are no text, and a byte order mark belongs to it. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @returns `undefined` for bytes that are no UTF-8 */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** The text whose standard base64 this is; `undefined` if it is none. */
export function decodeBase64(text: string): string | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? decodeUtf8(bytes) : undefined;
}
