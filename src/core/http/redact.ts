import { isRecord } from '../util/record.js';

/** Members of GenAuth's answers that errors, events and logs repeat. */
const ECHOED_FIELDS = ['message', 'requestId', 'error'];
/** Letters and digits are the same in every form. */
const PLAIN = /^[A-Za-z0-9]*$/;
const REDACTED = '(withheld: it repeats a secret)';

/**
 * Removes secrets from an answer: where one of its texts repeats a secret that was sent, the whole text is replaced.
 * Otherwise a careless server, or a gateway's error page in JSON, would bring a password into the log.
 *
 * @param secrets - As they were sent, and as they were before encryption.
 */
export function redactBody(body: unknown, secrets: readonly (string | undefined)[]): unknown {
  if (!isRecord(body)) return body;
  const texts = ECHOED_FIELDS.filter((name) => Object.hasOwn(body, name) && typeof body[name] === 'string');
  if (texts.every((name) => body[name] === '')) return body;
  const forms = toForms(secrets);
  const echoed = texts.filter((name) => forms.some((secret) => String(body[name]).includes(secret)));
  if (echoed.length === 0) return body;
  return { ...body, ...Object.fromEntries(echoed.map((name) => [name, REDACTED])) };
}

/** Replaces each secret in a text, in whatever form it stands there. */
export function redactText(text: string, secrets: readonly (string | undefined)[], replacement = '[hidden]'): string {
  return toForms(secrets).reduce((rest, secret) => rest.replaceAll(secret, replacement), text);
}

/** Each secret as it is, as JSON, an address and a form escape it; longest first, so that no part of one is left. */
function toForms(secrets: readonly (string | undefined)[]): string[] {
  const forms = secrets.flatMap((secret) =>
    secret === undefined || PLAIN.test(secret)
      ? (secret ?? [])
      : [
          secret,
          JSON.stringify(secret).slice(1, -1),
          // A password may hold half a surrogate pair, which `encodeURIComponent` refuses.
          encodeURIComponent(Buffer.from(secret).toString()),
          new URLSearchParams({ s: secret }).toString().slice(2),
        ],
  );
  return [...new Set(forms)].filter((form) => form !== '').sort((left, right) => right.length - left.length);
}
