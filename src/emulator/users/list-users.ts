import { isPassword } from './passwords.js';
import { DEFAULT_AD_ACCOUNTS, DEFAULT_USERS } from './default-users.js';
import type { Account, AccountKind, UserStore } from './user-store.js';

/** The maximum number of users of one kind that the start names. */
const MAX_SHOWN = 10;

/**
 * Describes the users who can sign in, for a text such as `alice / passw0rd (role admin), bob / passw0rd`. A password
 * is shown only if it is the public password of a default user.
 */
export async function listUsers(users: UserStore, kind: AccountKind): Promise<string> {
  const accounts = users.accounts(kind);
  const shown = await Promise.all(accounts.slice(0, MAX_SHOWN).map((account) => describe(account, kind)));
  const more = accounts.length - shown.length;
  return shown.length === 0 ? 'none' : shown.join(', ') + (more > 0 ? ` and ${more} more` : '');
}

async function describe({ claims, password }: Account, kind: AccountKind): Promise<string> {
  const name = String(claims['username'] ?? claims['email'] ?? claims['phone_number']);
  const defaults =
    kind === 'user'
      ? DEFAULT_USERS.map((user) => [user.username, user.password] as const)
      : DEFAULT_AD_ACCOUNTS.map((account) => [account.sAMAccountName, account.password] as const);
  const known = defaults.find(([each]) => each === name)?.[1];
  const isKnown = known !== undefined && (await isPassword(known, password));
  const roles = (claims['roles'] ?? []) as readonly (string | { code: string })[];
  const codes = roles.map((role) => (typeof role === 'string' ? role : role.code));
  const role = codes.length === 0 ? '' : ` (${codes.length === 1 ? 'role' : 'roles'} ${codes.join(', ')})`;
  return `${name}${isKnown ? ` / ${known}` : ''}${role}`;
}
