import { TEXTS, chooseLanguage } from './texts.js';

/** The texts of the page, in the language of the browser. */
export const texts = TEXTS[chooseLanguage(navigator.languages)];

export const element = (id) => document.getElementById(id);

/** Creates an element. All children that are strings become text, never HTML. */
export function create(tag, attributes, ...children) {
  const created = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) created.setAttribute(name, value);
  created.append(...children);
  return created;
}

/** Writes the texts of the elements that have the attribute `data-text`. */
export function translatePage() {
  document.documentElement.lang = texts.htmlLang;
  for (const each of document.querySelectorAll('[data-text]')) each.textContent = texts[each.dataset.text];
}

/** Lets a screen reader say one short sentence. */
export function announce(text) {
  element('announcement').textContent = text;
}

/** Shows one part of the page, and hides the others. Its heading is the title of the window. */
export function showView(id) {
  for (const view of document.querySelectorAll('main > section')) view.hidden = view.id !== id;
  document.title = element(id).querySelector('h1').textContent;
  scrollTo(0, 0);
}

/**
 * Runs the action of a button, and shows another text on the button until the action ends. A click during an action has
 * no effect. The button is never disabled, because a disabled button loses the focus.
 */
export async function runBusy(button, busyText, action) {
  if (button.ariaDisabled === 'true') return;
  const text = button.textContent;
  button.ariaDisabled = 'true';
  button.textContent = busyText;
  try {
    await action();
  } finally {
    button.ariaDisabled = null;
    button.textContent = text;
  }
}

/** Shows the text of a failure beside its cause. An empty text hides the element. */
export function showNotice(notice, text, target = notice) {
  target.textContent = text;
  notice.hidden = text === '';
}
