// The section "Tokens": issues tokens without a sign-in, and lists and revokes the issued tokens.
import { announce, get, onClick, onSubmit, post } from './api.mjs';
import {
  chosenText,
  create,
  createRow,
  element,
  formatTime,
  setTag,
  setText,
  updateList,
  updateOptions,
} from './dom.mjs';
import { listChoices } from './users.mjs';

export async function refresh() {
  const [tokens, choices] = await Promise.all([get('/tokens'), listChoices()]);
  updateOptions(element('mint-account'), choices);
  setText(element('token-count'), `${tokens.length} issued.`);
  updateList(element('token-list'), tokens, ({ jti }) => jti, createToken);
}

function createToken({ account, expiresAt, issuedAt, jti, kind, scopes, sub }) {
  const state = create('span');
  const revoke = createButton('Revoke', `Revoke the ${toWords(kind)} ${jti} of ${account}`);
  onClick(revoke, async () => {
    const { revoked } = await post('/tokens/revoke', { jti });
    return `The ${toWords(kind)} of ${account} ${revoked === 0 ? 'was already invalid' : 'is revoked'}.`;
  });
  const everywhere = createButton('Sign out everywhere', `Sign out everywhere: ${account}, ${toWords(kind)} ${jti}`);
  onClick(everywhere, async () => {
    const { revoked } = await post('/tokens/revoke', { account: sub });
    return `${account} is signed out everywhere. Tokens revoked: ${revoked}.`;
  });
  const text = [
    create('div', { className: 'title' }, create('strong', {}, account), toWords(kind), state),
    create('p', { className: 'meta' }, scopes.join(' ')),
    create('p', { className: 'meta' }, `Issued ${formatTime(issuedAt)}, expires ${formatTime(expiresAt)}`),
    create('p', { className: 'meta' }, `jti ${jti}, sub ${sub}`),
  ];
  const buttons = create('div', { className: 'actions' }, revoke, everywhere);
  return {
    node: createRow(text, buttons),
    update(token) {
      const isActive = token.state === 'active';
      setTag(state, toWords(token.state), isActive ? 'good' : 'warn');
      // A button with the attribute `disabled` would lose the focus.
      revoke.ariaDisabled = String(!isActive);
    },
  };
}

const toWords = (name) => name.replaceAll('_', ' ');

function createButton(text, ariaLabel) {
  return create('button', { type: 'button', className: 'quiet', ariaLabel }, text);
}

onSubmit(element('mint'), async ({ account, scope, expiresIn, route }) => {
  const lifetime = expiresIn === undefined ? {} : { expiresIn: Number(expiresIn) };
  const tokens = await post('/tokens', { account, scope, ...lifetime });
  setText(element('minted-access'), tokens.access_token);
  setText(element('minted-curl'), `curl -i ${quote(route)} -H 'Authorization: Bearer ${tokens.access_token}'`);
  setText(element('minted-access-claims'), decodeClaims(tokens.access_token));
  element('minted-id-part').hidden = tokens.id_token === undefined;
  if (tokens.id_token !== undefined) setText(element('minted-id-claims'), decodeClaims(tokens.id_token));
  element('minted').hidden = false;
  return `Tokens of ${chosenText(element('mint-account'))} are issued.`;
});

/** Quotes an argument for a shell. */
function quote(argument) {
  return `'${argument.replaceAll("'", "'\\''")}'`;
}

/** Returns the claims of a JWT as text (RFC 7519 §3). The signature is not checked. */
function decodeClaims(token) {
  const base64 = token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/');
  const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
  return JSON.stringify(JSON.parse(new TextDecoder().decode(bytes)), null, 2);
}

for (const button of document.querySelectorAll('[data-copy]')) {
  button.addEventListener('click', () => {
    navigator.clipboard.writeText(element(button.dataset.copy).textContent).then(
      () => announce('Copied.'),
      () => announce('The browser does not allow the copy. Select the text and copy it.', true),
    );
  });
}
