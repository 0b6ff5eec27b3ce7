import { isRecord } from '../util/record.js';

/** Members of GenAuth's answers that errors, events and logs repeat. */
const ECHOED_FIELDS = ['message', 'requestId', 'error'];
const REDACTED = '(withheld: it repeats a secret)';

/**
 * Removes secrets from an answer: where one of its texts repeats a secret that was sent, the whole text is replaced.
 * Otherwise a careless server, or a gateway's error page in JSON, would bring a password into the log.
 *
 * @param secrets - As they were sent, and as they were before encryption.
 */
export function redactBody(body: unknown, secrets: readonly (string | undefined)[]): unknown {
  if (!isRecord(body) || secrets.length === 0) return body;
  const forms = toForms(secrets);
  const repeats = (value: unknown): boolean =>
    typeof value === 'string' && forms.some((secret) => value.includes(secret));
  const echoed = ECHOED_FIELDS.filter((name) => Object.hasOwn(body, name) && repeats(body[name]));
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
    secret === undefined || secret === ''
      ? []
      : [
          secret,
          JSON.stringify(secret).slice(1, -1),
          // A password may hold half a surrogate pair, which `encodeURIComponent` refuses.
          encodeURIComponent(Buffer.from(secret).toString()),
          new URLSearchParams({ s: secret }).toString().slice(2),
        ],
  );
  return [...new Set(forms)].sort((left, right) => right.length - left.length);
}
