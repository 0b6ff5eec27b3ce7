// The page of the emulator. It shows one section at a time, and asks for the state of this section every two seconds.
// Each section is a module with the function `refresh`, which shows the state of the emulator.
import { announce, NoAnswer } from './api.mjs';
import * as codes from './codes.mjs';
import { element, setText } from './dom.mjs';
import * as faults from './faults.mjs';
import * as keys from './keys.mjs';
import * as signIns from './sign-ins.mjs';
import * as tokens from './tokens.mjs';
import * as users from './users.mjs';

const SECTIONS = { users, 'sign-ins': signIns, tokens, faults, codes, keys };
const INTERVAL_MS = 2000;

function findSection() {
  const name = location.hash.slice(1);
  return Object.hasOwn(SECTIONS, name) ? name : 'users';
}

function showSection() {
  const chosen = findSection();
  for (const name of Object.keys(SECTIONS)) element(`section-${name}`).hidden = name !== chosen;
  for (const link of document.querySelectorAll('nav a')) {
    if (link.hash === `#${chosen}`) link.setAttribute('aria-current', 'page');
    else link.removeAttribute('aria-current');
  }
  document.title = `${element(`title-${chosen}`).textContent} · GenAuth emulator`;
}

/** The time at which the emulator stopped to answer. `undefined` while it answers. */
let stoppedAt;

function showConnection(isConnected) {
  stoppedAt = isConnected ? undefined : (stoppedAt ?? new Date().toLocaleTimeString('en-GB'));
  const stopped = `The emulator at ${location.origin} has not answered since ${stoppedAt}. Start it again.`;
  setText(element('connection'), isConnected ? 'Connected' : stopped);
  element('connection').classList.toggle('stopped', !isConnected);
}

async function refresh() {
  try {
    await SECTIONS[findSection()].refresh();
    showConnection(true);
  } catch (error) {
    if (error instanceof NoAnswer) showConnection(false);
    else announce(error.message, true);
  }
}

let timer;
/** The end of the last refresh. Refreshes run one after the other, so that an old answer cannot hide a new one. */
let last = Promise.resolve();

function refreshNow() {
  clearTimeout(timer);
  last = last.then(refresh).then(() => {
    clearTimeout(timer);
    if (!document.hidden) timer = setTimeout(refreshNow, INTERVAL_MS);
  });
}

setText(element('address'), location.origin);
addEventListener('hashchange', () => {
  // The link to the content is no section.
  if (location.hash === '#main') return;
  showSection();
  element(`title-${findSection()}`).focus();
  refreshNow();
});
document.addEventListener('visibilitychange', () => {
  if (document.hidden) clearTimeout(timer);
  else refreshNow();
});
document.addEventListener('emulator:changed', refreshNow);
showSection();
refreshNow();
