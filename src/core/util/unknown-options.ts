/** What {@link findUnknownOptions} knows about the options in addition to their names. */
export interface UnknownOptionsHelp {
  /** What an unknown name is not, for example `a sign-in option`. Default: `an option`. */
  kind?: string;
  /**
   * The names of options in other libraries, each with the name of the same option in passport-genauth. The names of
   * the other libraries are in lower case and contain only letters.
   */
  synonyms?: Readonly<Record<string, string>>;
  /**
   * The fix for names that belong in another place, for example an option that is an argument. The names are in lower
   * case and contain only letters.
   */
  fixes?: Readonly<Record<string, string>>;
  /** Prefix of the names in the mistakes, for example `jwks.`. */
  prefix?: string;
}

/**
 * Returns a mistake for each property of `options` whose name is not in `known`. The fix is the nearest known name. If
 * no known name is near, the fix lists all known names.
 */
export function findUnknownOptions(
  options: object,
  known: readonly string[],
  { kind = 'an option', synonyms = {}, fixes = {}, prefix = '' }: UnknownOptionsHelp = {},
): { option: string; problem: string; fix: string }[] {
  return Object.keys(options)
    .filter((name) => !known.includes(name))
    .map((name) => {
      const sameName = suggestName(name, known, 0);
      const ownFix = sameName === undefined ? findOwn(fixes, normalize(name)) : undefined;
      const suggestion = sameName ?? findOwn(synonyms, normalize(name)) ?? suggestName(name, known);
      const otherFix =
        suggestion === undefined ? `remove it, or write one of ${known.join(', ')}` : `write ${prefix}${suggestion}`;
      const fix = ownFix ?? otherFix;
      return { option: prefix + name, problem: `is not ${kind}`, fix };
    });
}

function findOwn(source: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(source, name) ? source[name] : undefined;
}

/** Names longer than this are not compared, because the time of a comparison grows with the square of the length. */
const MAX_NAME_LENGTH = 64;

/**
 * Returns the known name that was probably meant by a misspelt name. Upper case, hyphens and underscores are ignored.
 *
 * @param limit - Maximum number of wrong, missing, additional or exchanged letters. At most one third of the letters
 * may differ, so that a short name is not taken for another short name. Default: 2.
 */
export function suggestName(name: string, known: readonly string[], limit = 2): string | undefined {
  const given = normalize(name);
  if (given === '' || given.length > MAX_NAME_LENGTH) return undefined;
  const rated = known
    .map((candidate) => {
      const other = normalize(candidate);
      const max = Math.min(limit, Math.floor(Math.min(given.length, other.length) / 3));
      return { candidate, distance: measureDistance(given, other), max };
    })
    .filter(({ distance, max }) => distance <= max)
    .toSorted((a, b) => a.distance - b.distance);
  return rated[0]?.candidate;
}

function normalize(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z]/g, '');
}

/** Returns the number of letters to insert, remove, replace or exchange with their neighbour (Damerau-Levenshtein). */
function measureDistance(a: string, b: string): number {
  let [beforeLast, last]: [number[], number[]] = [[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const replaced = (last[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      const isExchanged = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const exchanged = isExchanged ? (beforeLast[j - 2] ?? 0) + 1 : Infinity;
      row.push(Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, replaced, exchanged));
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] ?? 0;
}
