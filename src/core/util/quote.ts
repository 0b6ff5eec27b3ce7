const MAX_QUOTED_LENGTH = 64;
const MAX_QUOTED_ITEMS = 4;

/**
 * Formats a value from outside this package for a message. A string is cut at 64 characters and escaped as JSON.
 * Control, bidirectional and other invisible characters are escaped too. An array is shown with at most 4 items. An
 * object is shown as the words "an object".
 */
export function quote(value: unknown): string {
  if (typeof value === 'string') return quoteText(value);
  if (Array.isArray(value)) {
    const items = value.slice(0, MAX_QUOTED_ITEMS).map((item) => (Array.isArray(item) ? 'a list' : quote(item)));
    return `[${items.join(', ')}${value.length > MAX_QUOTED_ITEMS ? ', …' : ''}]`;
  }
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value === 'function' || typeof value === 'symbol') return `a ${typeof value}`;
  return String(value);
}

/** Matches control, format, line-separator and paragraph-separator characters. */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/**
 * Replaces invisible characters of a text from outside this package by spaces. Without this replacement, the text could
 * add a line to a log or control a terminal.
 */
export function cleanText(text: string): string {
  return text.replaceAll(INVISIBLE, ' ').trim();
}

function quoteText(text: string): string {
  const cut = text.length > MAX_QUOTED_LENGTH ? `${text.slice(0, MAX_QUOTED_LENGTH)}…` : text;
  return JSON.stringify(cut).replaceAll(
    INVISIBLE,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}

/** Quotation marks, as they remain around a value that was copied from code or from an env file of Docker. */
const QUOTATION_MARKS = /^["'`\u2018-\u201F]+|["'`\u2018-\u201F]+$/g;

/** Returns the text without the quotation marks around it. */
export function unquote(text: string): string {
  return text.replaceAll(QUOTATION_MARKS, '');
}

/** Returns the value of a list with one item, otherwise the list. Messages show an accepted value so. */
export function onlyOrAll(values: readonly unknown[]): unknown {
  return values.length === 1 ? values[0] : values;
}

const MAX_DETAIL_LENGTH = 512;
const MAX_DETAIL_ITEMS = 16;

/**
 * Converts a value from outside this package into data for the `details` of an error. Strings are cut at 512 characters
 * and arrays at 16 items. An object is replaced by `{}`, because an object may contain any value, for example a secret.
 * Functions and symbols become `undefined`.
 */
export function toDetail(value: unknown): unknown {
  if (typeof value === 'string') return value.slice(0, MAX_DETAIL_LENGTH);
  if (Array.isArray(value)) {
    return Object.freeze(
      value.slice(0, MAX_DETAIL_ITEMS).map((item) => (typeof item === 'object' && item !== null ? {} : toDetail(item))),
    );
  }
  if (typeof value === 'object' && value !== null) return {};
  return typeof value === 'function' || typeof value === 'symbol' ? undefined : value;
}
