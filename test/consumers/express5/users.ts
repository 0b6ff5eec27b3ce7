import type { SignInInfo } from 'passport-genauth';

export interface AppUser {
  id: number;
  sub: string;
  email: string | null;
}

declare global {
  namespace Express {
    interface User extends AppUser {}
    interface AuthInfo extends SignInInfo {}
  }
}

const rows = new Map<string, AppUser>();

export const users = {
  /** Returns the row of a user who has signed in. Returns `null` for bob, who is blocked. */
  async register(sub: string, email: string | null): Promise<AppUser | null> {
    if (email === 'bob@example.com') return null;
    if (!rows.has(sub)) rows.set(sub, { id: rows.size + 1, sub, email });
    return users.find(sub);
  },
  async find(sub: string): Promise<AppUser | null> {
    return rows.get(sub) ?? null;
  },
};
