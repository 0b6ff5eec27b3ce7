import { createHash } from 'node:crypto';
import { PATHS } from '../../../src/core/wire/facts.js';
import type { GenAuthEmulator } from '../../../src/emulator/index.js';
import { asForm, send, type Tokens } from '../support.js';

export const CALLBACK = 'http://localhost:3000/callback?a=1';
export const VERIFIER = 'verifier-of-the-code-challenge-0123456789ab';
export const CHALLENGE = createHash('sha256').update(VERIFIER).digest('base64url');

type Form = Record<string, string>;
/** The parameters of a request. A parameter `undefined` is left out. */
export type Query = Record<string, string | undefined>;

/** A browser without scripts: it keeps cookies, and knows the address of the sign-in that is open. */
export class Browser {
  readonly cookies = new Map<string, string>();
  readonly #emulator: GenAuthEmulator;
  /** The path `/interaction/oidc/{id}` of the sign-in that is open. */
  interaction = '';

  constructor(emulator: GenAuthEmulator) {
    this.#emulator = emulator;
  }

  /** Sends a request. A form is sent with POST. */
  async visit(path: string, form?: Form) {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    const { headers: type = {}, ...rest } = form ? asForm(form) : {};
    const url = this.#emulator.url + path;
    const response = await fetch(url, { redirect: 'manual', ...rest, headers: { ...type, cookie } });
    for (const header of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(header) ?? [];
      if (header.includes('Max-Age=0')) this.cookies.delete(name);
      else this.cookies.set(name, value);
    }
    const text = await response.text();
    const location = response.headers.get('location') ?? '';
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers) as Record<string, string>,
      text,
      location,
      title: /<h1>(.*)<\/h1>/.exec(text)?.[1],
      notice: /<p role="\w+">([^<]*)<\/p>/.exec(text)?.[1],
      /** The parameters that the application receives. `undefined` without a redirect to it. */
      callback: location.startsWith(CALLBACK) ? readQuery(location) : undefined,
    };
  }

  /** Sends an authorization request, and follows a redirect to the page. */
  async open(changes: Query = {}) {
    const query = {
      client_id: this.#emulator.appId,
      redirect_uri: CALLBACK,
      response_type: 'code',
      scope: 'openid profile email offline_access',
      state: 'state-1',
      nonce: 'nonce-1',
      code_challenge: CHALLENGE,
      code_challenge_method: 'S256',
      ...changes,
    };
    const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
    const answer = await this.visit(`${PATHS.authorization}?${String(new URLSearchParams(given))}`);
    if (!answer.location.startsWith('/login?')) return answer;
    this.interaction = String(readQuery(answer.location)['finish_login_url']).replace(/\/login$/, '');
    return this.visit(answer.location);
  }

  /** Sends the form of a step. */
  submit(step: string, form: Form = {}) {
    return this.visit(`${this.interaction}/login`, { step, ...form });
  }

  /** Opens the page and sends the form with the name and the password of a user. */
  async signIn(account = 'alice', query: Query = {}, password = 'passw0rd') {
    await this.open(query);
    return this.submit('login', { connection: 'PASSWORD', account, password });
  }
}

function readQuery(location: string): Record<string, string> {
  return Object.fromEntries(new URL(location, 'http://x').searchParams);
}

/** Sends a token request with a code. */
export function redeem({ url, appId, appSecret }: GenAuthEmulator, code = '', changes: Query = {}) {
  const app = { client_id: appId, client_secret: appSecret };
  const form = { grant_type: 'authorization_code', code, redirect_uri: CALLBACK, code_verifier: VERIFIER, ...changes };
  const given = Object.entries({ ...app, ...form }).filter(([, value]) => value !== undefined);
  return send(url + PATHS.token, asForm(Object.fromEntries(given) as Form));
}

/** Returns the tokens of a redirect to the application. */
export async function getTokensOf(emulator: GenAuthEmulator, { callback }: { callback?: Form | undefined }) {
  const { body } = await redeem(emulator, callback?.['code']);
  return body as unknown as Tokens & { refresh_token?: string };
}
