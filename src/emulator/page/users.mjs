// The section "Users": the users with their states.
import { act, ask, get, onClick, onSubmit, post } from './api.mjs';
import { create, element, setTag, setText, updateList } from './dom.mjs';

/** The states that a checkbox sets, and their labels. */
const STATES = {
  lockout: 'Locked',
  disabled: 'Disabled',
  mustChangePassword: 'Change password',
  mfa: 'Second factor',
  profileRequired: 'Complete profile',
  bindingRequired: 'Bind e-mail',
};

export async function refresh() {
  const { users, adAccounts } = await get('/users');
  const all = [...users.map(toUser), ...adAccounts.map(toAdAccount)];
  updateList(element('user-list'), all, ({ path }) => path, createCard);
}

/** Returns all users and AD accounts as choices of a `<select>`. */
export async function listChoices() {
  const { users, adAccounts } = await get('/users');
  return [...users.map(toUser), ...adAccounts.map(toAdAccount)].map(({ sub, name }) => ({ value: sub, text: name }));
}

function toUser(user) {
  const name = user.username ?? user.email ?? user.phone_number;
  return { ...user, fullName: user.name, name, connection: 'Password', path: `/users/${encodeURIComponent(name)}` };
}

function toAdAccount(account) {
  const name = account.sAMAccountName;
  return {
    ...account,
    fullName: account.name,
    name,
    connection: 'Active Directory',
    path: `/ad-accounts/${encodeURIComponent(name)}`,
  };
}

function createCard({ name, path, connection }) {
  const claims = create('p', { className: 'meta' });
  const password = create('code');
  const passwordLine = create('p', { className: 'meta' }, 'Password ', password);
  const boxes = Object.entries(STATES).map(([state, label]) => createBox(name, path, state, label));
  const unlock = create('button', { type: 'button', className: 'quiet', ariaLabel: `Unlock ${name}` }, 'Unlock');
  onClick(unlock, async () => {
    await post('/unlock', { account: name });
    return `The failed sign-ins of ${name} are forgotten.`;
  });
  const remove = create('button', { type: 'button', className: 'quiet', ariaLabel: `Remove ${name}` }, 'Remove');
  remove.addEventListener('click', () => {
    if (confirm(`Remove ${name}? The tokens of this user become invalid.`)) void act(() => removeUser(name, path));
  });
  const node = create(
    'li',
    {},
    create('div', { className: 'title' }, create('h3', {}, name), create('span', { className: 'tag' }, connection)),
    claims,
    passwordLine,
    create('fieldset', {}, create('legend', {}, `States of ${name}`), ...boxes.map((box) => box.node)),
    create('div', { className: 'actions' }, unlock, remove),
  );
  return {
    node,
    update(user) {
      setText(claims, describeClaims(user));
      setText(password, user.publicPassword);
      passwordLine.hidden = user.publicPassword === undefined;
      for (const box of boxes) box.update(user);
    },
  };
}

function createBox(name, path, state, label) {
  const box = create('input', { type: 'checkbox', name: state });
  // Some states have more values than on and off, such as a list of second factors. The box turns the last one on.
  let on = true;
  const detail = create('span', { className: 'tag warn' });
  box.addEventListener('change', () => {
    const value = box.checked;
    void act(async () => {
      await ask('PATCH', path, { [state]: value && on });
      return `${label}: ${value ? 'on' : 'off'} for ${name}.`;
    });
  });
  return {
    node: create('label', {}, box, create('span', {}, label), detail),
    update(user) {
      const value = user[state] ?? false;
      box.checked = value !== false;
      if (value !== false) on = value;
      setTag(detail, typeof value === 'boolean' ? '' : String(value), 'warn');
      detail.hidden = typeof value === 'boolean';
    },
  };
}

async function removeUser(name, path) {
  await ask('DELETE', path);
  return `${name} is removed.`;
}

function describeClaims({ fullName, email, phone_number: phone, roles = [] }) {
  const codes = roles.map((role) => role.code ?? role);
  const roleText = codes.length > 0 ? `roles ${codes.join(', ')}` : 'no roles';
  return [fullName, email, phone, roleText].filter(Boolean).join(' · ');
}

onSubmit(element('add-user'), async ({ connection, name, password, email, roles }, form) => {
  const codes = roles?.split(',').map((role) => role.trim()) ?? [];
  const user = { [connection]: name, password, ...(email && { email }), roles: codes.filter(Boolean) };
  await post('/users', user);
  form.reset();
  return `${name} is added.`;
});
