import type { GenAuthEmulator } from '../../src/emulator/index.js';
import { Browser } from '../emulator/hosted/browser.js';

/** The two routes of the sign-in in the applications of the tests. */
export const START = '/auth/genauth';
export const CALLBACK = '/auth/genauth/callback';

/** A browser with the cookies of the application and of GenAuth. */
export class User {
  readonly #url: string;
  readonly cookies = new Map<string, string>();
  readonly page: Browser;

  constructor(url: string, emulator: GenAuthEmulator) {
    this.#url = url;
    this.page = new Browser(emulator);
  }

  /** Requests a path of the application. */
  async visit(path: string) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const response = await fetch(this.#url + path, { redirect: 'manual', headers: { cookie } });
    const lines = response.headers.getSetCookie();
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (line.includes('Max-Age=0')) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    const location = response.headers.get('location') ?? '';
    const text = await response.text();
    const body = (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown>;
    return { status: response.status, location, lines, body, code: body['code'] };
  }

  /** Begins a sign-in. Returns the parameters of the authorization request. */
  async begin(path = START) {
    const { location } = await this.visit(path);
    return Object.fromEntries(new URL(location).searchParams) as Record<string, string>;
  }

  /** Begins a sign-in and signs in on GenAuth's page. Returns the path of the callback. */
  async signIn(account = 'alice', path = START): Promise<string> {
    const query = await this.begin(path);
    await this.page.open(query);
    const { location } = await this.page.submit('login', { connection: 'PASSWORD', account, password: 'passw0rd' });
    const { pathname, search } = new URL(location);
    return pathname + search;
  }
}
