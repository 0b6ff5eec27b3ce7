import { nameOf } from './accounts.js';
import type { Account, AccountKind, UserStore } from './user-store.js';

/** The maximum number of users of one kind that the start names. */
const MAX_SHOWN = 10;

/**
 * Describes the users who can sign in, for a text such as `alice / passw0rd (role admin), bob / passw0rd`. A password
 * is shown only if it is the public password of a default user.
 */
export function listUsers(users: UserStore, kind: AccountKind): string {
  const accounts = users.accounts(kind);
  const shown = accounts.slice(0, MAX_SHOWN).map(describe);
  const more = accounts.length - shown.length;
  return shown.length === 0 ? 'none' : shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function describe(account: Account): string {
  const roles = (account.claims['roles'] ?? []) as readonly (string | { code: string })[];
  const codes = roles.map((role) => (typeof role === 'string' ? role : role.code));
  const role = codes.length === 0 ? '' : ` (${codes.length === 1 ? 'role' : 'roles'} ${codes.join(', ')})`;
  const password = account.publicPassword === undefined ? '' : ` / ${account.publicPassword}`;
  return `${nameOf(account)}${password}${role}`;
}
