import type { EmulatorAdAccount, EmulatorUser } from './user-store.js';

/** The default of the option `users`: `alice` (role `admin`) and `bob`. The password of both users is `passw0rd`. */
export const DEFAULT_USERS: readonly EmulatorUser[] = [
  {
    username: 'alice',
    email: 'alice@example.com',
    email_verified: true,
    phone_number: '+8613800000001',
    phone_number_verified: true,
    name: 'Alice Example',
    given_name: 'Alice',
    family_name: 'Example',
    nickname: 'Al',
    locale: 'en-US',
    zoneinfo: 'Asia/Shanghai',
    roles: ['admin'],
    password: 'passw0rd',
  },
  { username: 'bob', email: 'bob@example.com', name: 'Bob Example', roles: [], password: 'passw0rd' },
];

/** The default of the option `adAccounts`: `zhangsan` with the password `AdPassw0rd`. */
export const DEFAULT_AD_ACCOUNTS: readonly EmulatorAdAccount[] = [
  {
    sAMAccountName: 'zhangsan',
    name: '张三',
    email: 'zhangsan@example.com',
    email_verified: true,
    password: 'AdPassw0rd',
  },
];
