import type { EmulatorState } from '../state/state.js';
import type { Account } from '../users/accounts.js';

/** The users and AD accounts in a state file. */
export interface StoredUsers {
  readonly users: readonly StoredAccount[];
  readonly adAccounts: readonly StoredAccount[];
  /** The digest of each user of the options, by `sub`. */
  readonly definitions: Readonly<Record<string, string>>;
}

/** An account as JSON. Bytes are base64. */
type StoredAccount = Pick<Account, 'sub' | 'claims' | 'states' | 'directoryClaims' | 'publicPassword'> & {
  readonly password?: Readonly<Record<'salt' | 'key', string>>;
  readonly totpSecret?: string;
};

/** Returns the users of an emulator for a state file. */
export function storeUsers({ users, definitions }: EmulatorState): StoredUsers {
  return {
    users: users.accounts('user').map(store),
    adAccounts: users.accounts('adAccount').map(store),
    definitions: Object.fromEntries(definitions),
  };
}

/**
 * Adds the stored users to the users of the options.
 *
 * A user of the options whose definition is unchanged gets the stored account: what was changed while the emulator ran
 * stays changed, and a removed user stays removed. A user whose definition is new or changed stays as the options
 * define it. A stored user who was never in the options is added, unless a user of the options has the same identifier.
 */
export function restoreUsers({ users, definitions, config }: EmulatorState, stored: StoredUsers): void {
  const isUnchanged = (sub: string): boolean => {
    const definition = definitions.get(sub);
    return definition !== undefined && stored.definitions[sub] === definition;
  };
  for (const kind of ['user', 'adAccount'] as const) {
    const accounts = kind === 'user' ? stored.users : stored.adAccounts;
    for (const account of users.accounts(kind)) {
      const isRemoved = !accounts.some(({ sub }) => sub === account.sub);
      if (isRemoved && isUnchanged(account.sub)) users.remove(kind, account);
    }
    const restored = accounts.map(load).filter(({ sub, password }) => {
      const wasDefined = stored.definitions[sub] !== undefined;
      if (wasDefined ? !isUnchanged(sub) : definitions.has(sub)) return false;
      // The option `ad` decides who checks the passwords of AD accounts.
      return kind === 'user' || (config.ad === undefined) === (password !== undefined);
    });
    users.restore(kind, restored);
  }
}

function store({ sub, claims, states, password, totpSecret, directoryClaims, ...account }: Account): StoredAccount {
  return {
    sub,
    claims,
    states,
    ...(password && { password: { salt: password.salt.toString('base64'), key: password.key.toString('base64') } }),
    ...(totpSecret && { totpSecret: totpSecret.toString('base64') }),
    ...(directoryClaims && { directoryClaims }),
    ...(account.publicPassword !== undefined && { publicPassword: account.publicPassword }),
  };
}

function load({ password, totpSecret, ...stored }: StoredAccount): Account {
  const read = (text: string): Buffer => Buffer.from(text, 'base64');
  return {
    ...stored,
    // The member is set even if it is absent, because the account replaces the account of the options.
    publicPassword: stored.publicPassword,
    removed: false,
    password: password && { salt: read(password.salt), key: read(password.key) },
    ...(totpSecret !== undefined && { totpSecret: read(totpSecret) }),
  };
}
