import type { HttpAnswer } from './http.js';
import { isRecord } from '../util/record.js';

/** What GenAuth says in words of its own, and errors, events and logs repeat. */
const SPOKEN = ['message', 'requestId', 'error'];
const WITHHELD = '(withheld: it repeats a secret)';

/**
 * An answer whose words can be shown: where one of them repeats a secret that was sent, nothing of it stays. A server that is
 * careless, or a gateway's error page in JSON, would else bring a password into the log.
 *
 * @param secrets - As they were sent, and as they were before.
 */
export function withholdSecrets(answer: HttpAnswer, secrets: readonly (string | undefined)[]): HttpAnswer {
  const { body } = answer;
  if (!isRecord(body)) return answer;
  const repeats = (value: unknown): boolean =>
    typeof value === 'string' &&
    secrets.some((secret) => secret !== undefined && secret !== '' && value.includes(secret));
  const repeated = SPOKEN.filter((name) => Object.hasOwn(body, name) && repeats(body[name]));
  if (repeated.length === 0) return answer;
  return { ...answer, body: { ...body, ...Object.fromEntries(repeated.map((name) => [name, WITHHELD])) } };
}
