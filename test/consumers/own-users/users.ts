import { PGlite } from '@electric-sql/pglite';
import { eq } from 'drizzle-orm';
import { boolean, pgTable, serial, text } from 'drizzle-orm/pg-core';
import { drizzle } from 'drizzle-orm/pglite';
import type { GenAuthUser } from 'passport-genauth';

export const table = pgTable('users', {
  id: serial().primaryKey(),
  sub: text().notNull().unique(),
  name: text(),
  blocked: boolean().notNull().default(false),
});
export type AppUser = typeof table.$inferSelect;

export class UsersService {
  readonly db = drizzle({ client: new PGlite() });

  async onModuleInit(): Promise<void> {
    await this.db.execute(`CREATE TABLE users (
      id serial PRIMARY KEY, sub text NOT NULL UNIQUE, name text, blocked boolean NOT NULL DEFAULT false)`);
  }

  /** Creates the row at the first login. Returns `null` if the user is blocked. */
  async logIn({ sub, name }: GenAuthUser) {
    const insert = this.db.insert(table).values({ sub, name });
    const [row] = await insert.onConflictDoUpdate({ target: table.sub, set: { name } }).returning();
    return row === undefined || row.blocked ? null : row;
  }

  /** Returns `null` if the user is blocked, or has no row. */
  async find(sub: string) {
    const [row] = await this.db.select().from(table).where(eq(table.sub, sub));
    return row === undefined || row.blocked ? null : row;
  }
}
