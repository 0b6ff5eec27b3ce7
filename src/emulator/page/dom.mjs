// Builds and updates elements. All values become text, never HTML.

export const element = (id) => document.getElementById(id);

/** Creates an element. A text among the children becomes a text node. */
export function create(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name in node) node[name] = value;
    else node.setAttribute(name, value);
  }
  node.append(...children);
  return node;
}

/** Sets the text of an element. An equal text is not set again, so that a selection of the user stays. */
export function setText(node, value) {
  const text = String(value ?? '');
  if (node.textContent !== text) node.textContent = text;
}

/** Sets the text and the colour of a tag: `good`, `warn`, `bad` or none. */
export function setTag(tag, text, colour = '') {
  setText(tag, text);
  tag.className = `tag ${colour}`;
}

/** The maximum number of rows of a list, so that the page stays quick. */
const MAX_ROWS = 100;

/** The rows of each list on the page, by their keys. */
const lists = new WeakMap();

/**
 * Shows the first 100 items in a list. The element of a known item is kept, so that focus, typed text and open details
 * stay.
 *
 * @param keyOf - Returns the key of an item. No other item of the list has this key.
 * @param createRow - Creates the row of an item: `node` is its element, and `update` shows the item in it.
 */
export function updateList(list, items, keyOf, createRow) {
  const before = lists.get(list) ?? new Map();
  const rows = new Map();
  for (const item of items.slice(0, MAX_ROWS)) {
    const key = keyOf(item);
    const row = before.get(key) ?? createRow(item);
    row.update(item);
    rows.set(key, row);
  }
  for (const [key, { node }] of before) if (!rows.has(key)) removeRow(list, node);
  [...rows.values()].forEach(({ node }, i) => {
    if (list.children[i] !== node) list.insertBefore(node, list.children[i] ?? null);
  });
  lists.set(list, rows);
  list.hidden = items.length === 0;
  element(`${list.id}-empty`).hidden = items.length > 0;
  showRest(list, items.length);
}

/** Says below the list how many items are not shown. */
function showRest(list, count) {
  const id = `${list.id}-rest`;
  if (count <= MAX_ROWS) return element(id)?.remove();
  if (!element(id)) list.after(create('p', { id, className: 'empty' }));
  setText(element(id), `The first ${MAX_ROWS} of ${count} are shown.`);
}

/** Removes a row. If the focus is in it, the heading of the section gets the focus. */
function removeRow(list, node) {
  if (node.contains(document.activeElement)) list.closest('section').querySelector('h2').focus();
  node.remove();
}

/** Offers choices in a `<select>` and keeps the chosen value. */
export function updateOptions(select, choices) {
  const describe = ({ value, text }) => `${value} ${text}`;
  if (choices.map(describe).join('\n') === [...select.options].map(describe).join('\n')) return;
  const chosen = select.value;
  select.replaceChildren(...choices.map(({ value, text }) => create('option', { value }, text)));
  if (choices.some(({ value }) => value === chosen)) select.value = chosen;
}

/** Returns the text of the chosen option of a `<select>`. */
export const chosenText = (select) => select.selectedOptions[0].text;

/** Formats a time in ISO 8601 for the reader. */
export function formatTime(iso) {
  return new Date(iso).toLocaleString('en-GB', { dateStyle: 'medium', timeStyle: 'medium' });
}

/** Creates a row with a text at the left and buttons at the right. */
export function createRow(text, ...buttons) {
  return create(
    'li',
    {},
    create('div', { className: 'row' }, create('div', { className: 'row-text' }, ...text), ...buttons),
  );
}
