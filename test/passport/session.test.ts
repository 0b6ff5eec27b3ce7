import express from 'express';
import session, { MemoryStore } from 'express-session';
import passport from 'passport';
import { GenAuthPasswordStrategy, type GenAuthUser, genAuthErrorHandler } from '../../src/index.js';
import { failOnUnhandledRejections } from '../support/host-process.js';
import { SIGN_IN_PATH, SUBJECT, useIssuer } from '../support/issuer.js';
import { findLeaks } from '../support/leak.js';
import { type WebAnswer, ask, useWebServer } from '../support/web-server.js';

failOnUnhandledRejections();
const issuer = useIssuer();
const serve = useWebServer();

const ALICE = { account: 'alice', password: 'canary-password' };
const REFRESH_TOKEN = 'canary-refresh-token';

/** A client that keeps its cookie. */
class Browser {
  #cookie: string | undefined;
  readonly #url: string;

  constructor(url: string, cookie?: string) {
    this.#url = url;
    this.#cookie = cookie;
  }

  /** The session's ID, without its signature. */
  get id(): string | undefined {
    return this.#cookie === undefined ? undefined : /s%3A([^.]+)\./.exec(this.#cookie)?.[1];
  }

  get cookie(): string | undefined {
    return this.#cookie;
  }

  async ask(path: string, json?: object): Promise<WebAnswer> {
    const headers = this.#cookie === undefined ? {} : { cookie: this.#cookie };
    const answer = await ask(this.#url, { path, headers, ...(json === undefined ? {} : { json }) });
    const [set] = answer.headers['set-cookie'] ?? [];
    if (set !== undefined) this.#cookie = set.split(';')[0];
    return answer;
  }

  async whoami(): Promise<unknown> {
    return JSON.parse((await this.ask('/me')).text) as unknown;
  }
}

describe('a session of Passport', () => {
  let store: MemoryStore;
  let url: string;
  let tokens: string[];
  const sessions = (): Record<string, Record<string, unknown>> => {
    const { sessions: kept } = store as unknown as { sessions: Record<string, string> };
    return Object.fromEntries(
      Object.entries(kept).map(([id, text]) => [id, JSON.parse(text) as Record<string, unknown>]),
    );
  };

  beforeEach(async () => {
    const own = new passport.Passport();
    own.use(new GenAuthPasswordStrategy({ ...issuer().clientOptions, scope: ['openid', 'email'] }));
    own.serializeUser((user, done) => done(null, user));
    own.deserializeUser((user: GenAuthUser, done) => done(null, user));
    store = new MemoryStore();
    const app = express();
    app.use(express.json());
    app.use(session({ secret: 'secret of the test', resave: false, saveUninitialized: true, store }));
    app.use(own.session());
    app.get('/cart', (req, res) => {
      Object.assign(req.session, { cart: ['book'] });
      res.json({});
    });
    app.post(
      '/login',
      own.authenticate('genauth-password'),
      (req, res) => void res.json({ user: req.user, cart: (req.session as { cart?: unknown }).cart }),
    );
    app.get('/me', (req, res) => void res.json({ user: req.user ?? null, authInfo: req.authInfo ?? null }));
    app.post('/logout', (req, res, next) => req.logout((error) => (error ? next(error) : res.json({}))));
    app.use(genAuthErrorHandler());
    url = await serve(app);

    const idToken = issuer().sign(issuer().idTokenClaims({ email: 'alice@example.com', name: 'Alice' }));
    tokens = [idToken, issuer().sign(issuer().accessTokenClaims()), REFRESH_TOKEN];
    issuer().replySignIn({ id_token: tokens[0], access_token: tokens[1], refresh_token: tokens[2] });
  });
  const USER = { sub: SUBJECT, email: 'alice@example.com', email_verified: false };

  it('keeps the user for the next requests without a request to GenAuth', async () => {
    const browser = new Browser(url);
    expect((await browser.ask('/login', ALICE)).status).toBe(200);
    expect(await browser.whoami()).toEqual({ user: USER, authInfo: null });
    expect(await browser.whoami()).toEqual({ user: USER, authInfo: null });
    expect(issuer().count(SIGN_IN_PATH)).toBe(1);
    expect(await new Browser(url).whoami()).toEqual({ user: null, authInfo: null });
  });

  it('holds the claims of the scopes, and no token and no password', async () => {
    const browser = new Browser(url);
    await browser.ask('/login', ALICE);
    const { [browser.id ?? '']: kept } = sessions();
    expect(kept).toEqual({ cookie: expect.any(Object), passport: { user: USER } });
    const secrets = [...tokens, ...tokens.flatMap((token) => token.split('.').slice(1)), ALICE.password];
    expect(findLeaks(sessions(), secrets)).toEqual([]);
  });

  it('gets a new ID at the login, so that a fixed ID does not sign in', async () => {
    const attacker = new Browser(url);
    await attacker.ask('/cart');
    const victim = new Browser(url, attacker.cookie);
    const { text } = await victim.ask('/login', ALICE);
    expect(JSON.parse(text)).toEqual({ user: USER });
    expect(victim.id).not.toBe(attacker.id);
    expect(await victim.whoami()).toEqual({ user: USER, authInfo: null });
    expect(await new Browser(url, attacker.cookie).whoami()).toEqual({ user: null, authInfo: null });
    expect(Object.keys(sessions())).not.toContain(attacker.id);
  });

  it.each<[number, object, object]>([
    [401, { body: { statusCode: 403, apiCode: 2333 } }, ALICE],
    [503, { status: 500 }, ALICE],
    [502, { body: '<html>' }, ALICE],
    [400, {}, { account: 'alice' }],
  ])('keeps its ID and its content after a login with status %i', async (status, reply, json) => {
    const browser = new Browser(url);
    await browser.ask('/cart');
    const before = browser.id;
    issuer().reply(SIGN_IN_PATH, reply);
    expect((await browser.ask('/login', json)).status).toBe(status);
    expect(await browser.whoami()).toEqual({ user: null, authInfo: null });
    expect(browser.id).toBe(before);
    expect(sessions()[before ?? '']).toEqual({ cookie: expect.any(Object), cart: ['book'] });
  });

  it('ends at logout with its ID', async () => {
    const browser = new Browser(url);
    await browser.ask('/login', ALICE);
    const signedIn = browser.cookie;
    expect((await browser.ask('/logout', {})).status).toBe(200);
    expect(await browser.whoami()).toEqual({ user: null, authInfo: null });
    expect(await new Browser(url, signedIn).whoami()).toEqual({ user: null, authInfo: null });
    expect(findLeaks(sessions(), ['alice@example.com'])).toEqual([]);
  });
});
