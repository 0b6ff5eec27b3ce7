// The section "Keys and clock": rotation of keys, the emulator's clock, and the reset.
import { get, onClick, post } from './api.mjs';
import { create, createRow, element, formatTime, setTag, setText, updateList } from './dom.mjs';

export async function refresh() {
  const [keys, { now, seconds }] = await Promise.all([get('/keys'), get('/clock-drift')]);
  setText(element('key-count'), `Keys in the key set: ${keys.length}.`);
  updateList(element('key-list'), keys, ({ kid }) => kid, createKey);
  setText(element('drift'), describeDrift(seconds));
  setText(element('now'), formatTime(now));
  element('now').dateTime = now;
}

function createKey({ kid, publishedSince }) {
  const use = create('span');
  const node = createRow([
    create('div', { className: 'title' }, create('code', {}, kid), use),
    create('p', { className: 'meta' }, `Published since ${formatTime(publishedSince)}`),
  ]);
  return {
    node,
    update: ({ isCurrent }) => setTag(use, isCurrent ? 'signs' : 'only verifies', isCurrent ? 'good' : ''),
  };
}

const UNITS = [
  ['day', 86_400],
  ['hour', 3600],
  ['minute', 60],
  ['second', 1],
];

function describeDrift(seconds) {
  if (seconds === 0) return 'The clock shows the real time.';
  const [unit, length] = UNITS.find(([, each]) => seconds % each === 0);
  const count = Math.abs(seconds) / length;
  return `The clock is ${count} ${unit}${count === 1 ? '' : 's'} ${seconds > 0 ? 'ahead' : 'behind'}.`;
}

async function rotate(withdraw) {
  const { kid } = await post('/keys/rotate', { withdraw });
  return withdraw ? `Only the new key ${kid} is published.` : `The new key ${kid} signs.`;
}

onClick(element('rotate'), () => rotate(false));
onClick(element('rotate-withdraw'), () => rotate(true));
onClick(element('rotate-encryption'), async () => {
  await post('/encryption-keys/rotate');
  return 'Passwords are encrypted with new keys.';
});

for (const button of document.querySelectorAll('[data-drift]')) {
  onClick(button, async () => {
    const seconds = Number(button.dataset.drift);
    await post('/clock-drift', { seconds });
    return describeDrift(seconds);
  });
}

onClick(element('reset'), async () => {
  await post('/reset');
  return 'The emulator is reset.';
});
