/** What is wrong with a value, each with its path; nothing where all is right. */
export type Schema = (value: unknown, path: string) => string[];

export const is =
  (name: string, test: (value: unknown) => boolean): Schema =>
  (value, path) =>
    test(value) ? [] : [`${path}: ${JSON.stringify(value)} is no ${name}`];

export const text = is('text', (value) => typeof value === 'string');
export const flag = is('flag', (value) => typeof value === 'boolean');
export const whole = is('whole number', (value) => Number.isSafeInteger(value) && Number(value) >= 0);
export const like = (pattern: RegExp): Schema =>
  is(`text like ${String(pattern)}`, (value) => typeof value === 'string' && pattern.test(value));
export const exactly = (expected: unknown): Schema => is(JSON.stringify(expected), (value) => value === expected);
export const oneOf = (...choices: unknown[]): Schema => is(choices.join('|'), (value) => choices.includes(value));

export const orNull =
  (schema: Schema): Schema =>
  (value, path) =>
    value === null ? [] : schema(value, path);

export const either =
  (...schemas: Schema[]): Schema =>
  (value, path) => {
    const mistakes = schemas.map((schema) => schema(value, path));
    return mistakes.some((each) => each.length === 0) ? [] : mistakes.flat();
  };

export const listOf =
  (schema: Schema, least = 0): Schema =>
  (value, path) => {
    if (!Array.isArray(value) || value.length < least) return [`${path}: ${JSON.stringify(value)} is no such list`];
    return value.flatMap((item, i) => schema(item, `${path}[${i}]`));
  };

/** An object with these members and no others; a name that ends in `?` may be missing. */
export const object =
  (members: Readonly<Record<string, Schema>>): Schema =>
  (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return [`${path}: no object`];
    const known = new Map(Object.entries(members).map(([name, schema]) => [name.replace(/\?$/, ''), schema]));
    const missing = Object.keys(members).filter((name) => !name.endsWith('?') && !Object.hasOwn(value, name));
    return [
      ...missing.map((name) => `${path}.${name}: missing`),
      ...Object.entries(value).flatMap(([name, member]) => {
        const schema = known.get(name);
        return schema ? schema(member, `${path}.${name}`) : [`${path}.${name}: not known here`];
      }),
    ];
  };

/** Any object. */
export const anyObject = is('object', (value) => typeof value === 'object' && value !== null && !Array.isArray(value));
