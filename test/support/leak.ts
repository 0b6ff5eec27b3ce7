import { inspect } from 'node:util';

/** The limit of a search. An error of axios holds sockets, and to search them would use up the memory. */
const MAX_OBJECTS = 1000;

/** Everything that a logger, a debugger or a framework could make of a value, as texts. */
function listTexts(value: unknown, seen = new Set<unknown>()): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null || seen.has(value)) return [];
  if (seen.add(value).size > MAX_OBJECTS) throw new Error('The value is too large for a search, or holds a socket.');
  const make = [
    () => inspect(value, { depth: Infinity, showHidden: true, maxArrayLength: null, maxStringLength: null }),
    () => inspect(value),
    () => JSON.stringify(value),
    () => (value as Error).toString(),
    () =>
      ArrayBuffer.isView(value) ? Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1') : '',
  ];
  const texts = make.map((text) => attempt(text)).filter((text) => typeof text === 'string');
  const members = listNames(value).map((name) => attempt(() => (value as Record<PropertyKey, unknown>)[name]));
  return [...texts, ...members.flatMap((member) => listTexts(member, seen))];
}

/** Own members, and what classes define (Node's names with an underscore are deprecated and would warn). */
function listNames(value: object): PropertyKey[] {
  const inherited: PropertyKey[] = [];
  for (let level: unknown = Object.getPrototypeOf(value); level; level = Object.getPrototypeOf(level)) {
    inherited.push(...Object.getOwnPropertyNames(level).filter((name) => !name.startsWith('_')));
  }
  return [...Reflect.ownKeys(value), ...inherited];
}

function attempt<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

/** A secret in the forms in which it travels. */
function listForms(secret: string): string[] {
  const bytes = Buffer.from(secret);
  // In a longer text the secret can begin at each of three places of a base64 group. The characters at both ends depend
  // on the bytes beside the secret.
  const base64 = [0, 1, 2].map((shift) => {
    const text = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '');
    return text.slice(shift === 0 ? 0 : shift + 1, -1);
  });
  const escape = (text: string): string => JSON.stringify(text).slice(1, -1);
  const plain = [secret, escape(secret), escape(escape(secret))];
  const latin1 = plain.map((text) => Buffer.from(text).toString('latin1'));
  const html = plain.map((text) => text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;'));
  return [...plain, ...latin1, ...html, encodeURIComponent(secret), bytes.toString('hex'), ...base64];
}

/** Which of the secrets can be found in a value, however deep: an error with its causes, a client, an outcome. */
export function findLeaks(value: unknown, secrets: readonly string[]): string[] {
  const short = secrets.find((secret) => secret.length < 6);
  // In base64 next to nothing would be left of it, and that stands in any path.
  if (short !== undefined) throw new Error(`${JSON.stringify(short)} is too short to be told from other text`);
  const text = listTexts(value).join('\n');
  return secrets.filter((secret) => listForms(secret).some((form) => text.includes(form)));
}
