import { inspect } from 'node:util';

/** Everything that a logger, a debugger or a framework could make of a value, as texts. */
function listTexts(value: unknown, seen = new Set<unknown>()): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value !== 'object' || value === null || seen.has(value)) return [];
  seen.add(value);
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
  const json = JSON.stringify(secret).slice(1, -1);
  return [secret, json, encodeURIComponent(secret), bytes.toString('latin1'), bytes.toString('hex'), ...base64];
}

/** Which of the secrets can be found in a value, however deep: an error with its causes, a client, an outcome. */
export function findLeaks(value: unknown, secrets: readonly string[]): string[] {
  const short = secrets.find((secret) => secret.length < 6);
  // In base64 next to nothing would be left of it, and that stands in any path.
  if (short !== undefined) throw new Error(`${JSON.stringify(short)} is too short to be told from other text`);
  const text = listTexts(value).join('\n');
  return secrets.filter((secret) => listForms(secret).some((form) => text.includes(form)));
}
