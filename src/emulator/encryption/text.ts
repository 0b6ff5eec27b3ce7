/** A decoder that throws if the bytes are not UTF-8, and that keeps a byte order mark as part of the text. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Decodes UTF-8 bytes. Returns `undefined` if the bytes are not UTF-8. */
export function decodeUtf8(bytes: Uint8Array): string | undefined {
  try {
    return UTF8.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Decodes standard base64 in its canonical form. Returns `undefined` if `text` has another form. */
export function readBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

/** Decodes standard base64 of UTF-8 text. Returns `undefined` if `text` has another form. */
export function decodeBase64(text: string): string | undefined {
  const bytes = readBase64(text);
  return bytes && decodeUtf8(bytes);
}
