// The section "Sign-ins": the sign-ins that the emulator received.
import { ask, get, onClick } from './api.mjs';
import { create, createRow, element, setText, updateList } from './dom.mjs';

export async function refresh() {
  const records = await get('/sign-ins');
  setText(element('sign-in-count'), `${records.length} recorded.`);
  updateList(element('sign-in-list'), records.toReversed(), ({ requestId }) => requestId, createSignIn);
}

function createSignIn({ account, clientIp, connection, context, options, outcome, requestId }) {
  const colour = outcome === 'success' ? 'good' : 'warn';
  const facts = [connection ?? 'no connection', `IP ${clientIp ?? 'not sent'}`].join(' · ');
  // The IP address and the context are also members of the options.
  const { clientIp: _ip, context: _context, ...others } = options;
  const details = JSON.stringify({ context, options: others, requestId }, null, 2);
  const node = createRow([
    create(
      'div',
      { className: 'title' },
      create('strong', {}, account ?? '(no account)'),
      create('span', { className: `tag ${colour}` }, outcome),
    ),
    create('p', { className: 'meta' }, facts),
    create('details', {}, create('summary', {}, 'Context and options'), createDetails(details)),
  ]);
  return { node, update() {} };
}

function createDetails(text) {
  return create('pre', { role: 'region', ariaLabel: 'Context and options', tabIndex: 0 }, text);
}

onClick(element('clear-sign-ins'), async () => {
  await ask('DELETE', '/sign-ins');
  return 'The list of sign-ins is empty.';
});
