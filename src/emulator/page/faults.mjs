// The section "Faults": faults of endpoints, answers to sign-ins and flaws of id_tokens.
import { ask, get, onClick, onSubmit, post } from './api.mjs';
import { create, createRow, element, setText, updateList } from './dom.mjs';

export async function refresh() {
  const paths = ['/faults', '/sign-in-answers', '/id-token-flaw', '/requests'];
  const [faults, answers, flaws, requests] = await Promise.all(paths.map(get));
  const active = [
    ...faults.map((fault) => describe(`Endpoint ${fault.endpoint}`, fault, 'every request')),
    ...answers.map((answer) => describe('Answer to a sign-in', answer)),
    ...flaws.map((flaw) => describe('Flaw of an id_token', flaw)),
  ];
  // Several equal faults have the same text, so the position is part of the key.
  const keys = new Map(active.map((each, i) => [each, `${i} ${each.what} ${each.text}`]));
  updateList(element('active-list'), active, (each) => keys.get(each), createActive);
  showCounts(requests);
}

function describe(what, { times, ...properties }, unlimited) {
  const left = times === undefined ? unlimited : `${times} left`;
  const shown = Object.entries(properties).filter(([name]) => name !== 'endpoint');
  const text = shown.map(([name, value]) => `${name} ${toText(value)}`);
  return { what, text: text.join(' · '), left };
}

/** The number of characters of a property that the page shows. A body can be long. */
const MAX_LENGTH = 200;

function toText(value) {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > MAX_LENGTH ? `${text.slice(0, MAX_LENGTH)}…` : text;
}

function createActive({ what, text }) {
  const left = create('span', { className: 'tag warn' });
  const title = create('div', { className: 'title' }, create('strong', {}, what), left);
  return {
    node: createRow([title, create('p', { className: 'meta' }, text)]),
    update: (each) => setText(left, each.left),
  };
}

const counts = new Map();

function showCounts(requests) {
  for (const [endpoint, count] of Object.entries(requests)) {
    if (!counts.has(endpoint)) {
      const value = create('dd');
      element('request-counts').append(create('div', {}, create('dt', {}, endpoint), value));
      counts.set(endpoint, value);
    }
    setText(counts.get(endpoint), count);
  }
}

for (const button of document.querySelectorAll('[data-fault]')) {
  onClick(button, async () => {
    const times = element('fault-times').value;
    await post('/faults', { ...JSON.parse(button.dataset.fault), ...(times && { times: Number(times) }) });
    return `Fault added: ${button.textContent}.`;
  });
}

for (const button of document.querySelectorAll('[data-answer]')) {
  onClick(button, async () => {
    await post('/sign-in-answers', JSON.parse(button.dataset.answer));
    return `The next sign-in is answered: ${button.textContent.trim()}.`;
  });
}

onSubmit(element('flaw'), async ({ flaw, times }) => {
  await post('/id-token-flaw', { flaw, times: Number(times) });
  return `Flaw added: ${flaw}.`;
});

onClick(element('clear-faults'), async () => {
  await Promise.all(['/faults', '/sign-in-answers', '/id-token-flaw'].map((path) => ask('DELETE', path)));
  return 'All faults, answers and flaws are removed.';
});
