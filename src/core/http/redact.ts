import { isRecord } from '../util/record.js';
import { DOCUMENTED_MESSAGES, OAUTH_ERRORS } from '../wire/facts.js';

/** Members of GenAuth's responses that are copied into errors, events and logs. */
const ECHOED_FIELDS = ['message', 'requestId', 'error'];
const REDACTED = '(redacted: it repeats a secret)';

/** Texts that contain no secret. */
const KNOWN_TEXTS: ReadonlySet<string> = new Set([...DOCUMENTED_MESSAGES, ...OAUTH_ERRORS]);

/**
 * Removes secrets from a response body. If a member in `ECHOED_FIELDS` contains a secret that was sent, the whole text
 * of this member is replaced. Without this replacement, a password could reach the log if a server or a gateway repeats
 * the request in its response. A documented message of GenAuth and an error code of OAuth are never replaced: they
 * contain no secret, also if a user tries a part of them as the password or as the code of a sign-in.
 *
 * @param secrets - The secrets as they were sent, and the plain text of encrypted secrets.
 * @returns The same body if no secret is found, otherwise a copy with the replaced texts.
 */
export function redactBody(body: unknown, secrets: readonly (string | undefined)[]): unknown {
  if (!isRecord(body)) return body;
  const texts = ECHOED_FIELDS.filter((name) => Object.hasOwn(body, name) && isUnknownText(body[name]));
  if (texts.length === 0) return body;
  const forms = toForms(secrets);
  const echoed = texts.filter((name) => forms.some((form) => String(body[name]).includes(form)));
  if (echoed.length === 0) return body;
  return { ...body, ...Object.fromEntries(echoed.map((name) => [name, REDACTED])) };
}

function isUnknownText(value: unknown): boolean {
  return typeof value === 'string' && value !== '' && !KNOWN_TEXTS.has(value);
}

/** Replaces each secret in a text. Also replaces the escaped forms of a secret. */
export function redactText(text: string, secrets: readonly (string | undefined)[], replacement = '[hidden]'): string {
  // The longest form comes first, because the replacement of a shorter form could leave a part of a longer form.
  const forms = [...new Set(toForms(secrets))].sort((left, right) => right.length - left.length);
  return forms.reduce((rest, form) => rest.replaceAll(form, replacement), text);
}

/**
 * Returns each secret in its forms: unchanged, escaped as JSON and as HTML, percent-encoded, encoded as a form, and in
 * base64 and base64url.
 */
function toForms(secrets: readonly (string | undefined)[]): string[] {
  const forms: string[] = [];
  for (const secret of new Set(secrets)) {
    if (secret !== undefined && secret !== '') forms.push(...toEscapedForms(secret), ...toBase64(secret));
  }
  return forms;
}

/** Letters, digits and the other characters that no escape changes. */
const PLAIN = /^[A-Za-z0-9*._-]*$/;

function toEscapedForms(secret: string): string[] {
  if (PLAIN.test(secret)) return [secret];
  return [
    secret,
    JSON.stringify(secret).slice(1, -1),
    secret.replaceAll(/[&<>"']/g, (character) => HTML_ESCAPES[character] ?? character),
    // A password may contain half of a surrogate pair, for which `encodeURIComponent` throws.
    encodeURIComponent(Buffer.from(secret).toString()),
    new URLSearchParams({ s: secret }).toString().slice(2),
  ];
}

const HTML_ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Returns the encoded secret without padding. Texts of less than 8 characters are too short to be recognized. */
function toBase64(secret: string): string[] {
  const form = Buffer.from(secret).toString('base64url');
  return form.length < 8 ? [] : [form, form.replaceAll('-', '+').replaceAll('_', '/')];
}
