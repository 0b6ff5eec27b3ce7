import { Injectable } from '@nestjs/common';

export interface AppUser {
  id: number;
  sub: string;
  name: string | null;
}

@Injectable()
export class UsersService {
  private readonly rows = new Map<string, AppUser>();

  register(sub: string, name: string | null): AppUser | null {
    if (name === 'Bob Example') return null;
    if (!this.rows.has(sub)) this.rows.set(sub, { id: this.rows.size + 1, sub, name });
    return this.find(sub);
  }

  find(sub: string): AppUser | null {
    return this.rows.get(sub) ?? null;
  }
}
