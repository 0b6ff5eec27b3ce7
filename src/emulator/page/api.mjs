// Sends control requests, and announces the results of actions.
import { element } from './dom.mjs';

/** The error for a request without an answer: the emulator has stopped. */
export class NoAnswer extends Error {}

/**
 * Sends a control request and returns the body of the answer.
 *
 * @throws NoAnswer if the emulator does not answer.
 * @throws Error with the message of the emulator if it refuses the request.
 */
export async function ask(method, path, body) {
  const response = await send(method, path, body).catch((error) => {
    throw new NoAnswer('The emulator does not answer.', { cause: error });
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.message);
  return answer;
}

function send(method, path, body) {
  const json = body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
  return fetch(`/emulator/v1${path}`, { method, ...json });
}

export const get = (path) => ask('GET', path);
export const post = (path, body) => ask('POST', path, body);

/** The time after which a message disappears. An error stays until the next message. */
const MESSAGE_MS = 8000;

let timer;

/** Shows a short sentence at the end of the page. Screen readers read it aloud. */
export function announce(sentence, isError = false) {
  const message = element('message');
  clearTimeout(timer);
  message.classList.toggle('error', isError);
  message.textContent = sentence;
  if (!isError) timer = setTimeout(() => message.replaceChildren(), MESSAGE_MS);
}

/**
 * Runs an action of the user and announces the result. Then the page shows the new state.
 *
 * @param run - Returns the sentence that announces the result.
 */
export async function act(run) {
  try {
    announce(await run());
  } catch (error) {
    announce(error.message, true);
  }
  document.dispatchEvent(new Event('emulator:changed'));
}

/** Runs an action at each click on the button. */
export function onClick(button, run) {
  button.addEventListener('click', () => void act(() => run(button)));
}

/** Runs an action when the form is sent. The action gets the fields that are not empty. */
export function onSubmit(form, run) {
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const fields = [...new FormData(form)].filter(([, value]) => value !== '');
    void act(() => run(Object.fromEntries(fields), form));
  });
}
