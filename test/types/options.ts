/** Compile-time only: what options may be, and that the scopes' types come through everywhere. */
import type { Request } from 'express';
import {
  type DefaultScope,
  GenAuthAdStrategy,
  GenAuthBearerStrategy,
  GenAuthClient,
  type GenAuthOptions,
  GenAuthPasswordStrategy,
  type GenAuthTokenUser,
  type GenAuthUser,
  type SignInInfo,
  defineGenAuthOptions,
} from '../../src/index.js';
import type { Equal, Expect } from '../support/type-equality.js';

const required = { appId: 'a', appSecret: 's', appHost: 'https://example.genauth.ai' };
declare const text: string;
declare const texts: string[];

// ── What may be written ─────────────────────────────────────────────────────────────────────────────────────────────

export const good: GenAuthOptions[] = [
  required,
  { appId: 'a', appHost: 'https://example.genauth.ai', tokenEndpointAuthMethod: 'none' },
  { ...required, tokenEndpointAuthMethod: 'client_secret_post' },
  { ...required, tokenEndpointAuthMethod: 'client_secret_basic' },
  { ...required, scope: 'openid email', audience: ['a', 'b'], ca: ['…'], jwks: { maxAge: 1 } },
  { ...required, signInOptions: { tenantId: 't', context: 'text', clientIp: undefined } },
  { ...required, signInOptions: (req) => ({ context: { agent: req.headers['user-agent'] } }) },
  { ...required, signInOptions: async () => ({ customData: {} }) },
  // A handler of one's own framework fits, though its request has more than the library asks for.
  { ...required, signInOptions: (req: Request) => ({ tenantId: req.hostname }), clientIp: (req: Request) => req.ip },
  defineGenAuthOptions({ ...required, scope: ['openid'] }),
  { ...required, appSecret: () => 's' },
  { ...required, appSecret: async () => 's' },
  { ...required, appSecret: () => (text === '' ? 's' : Promise.resolve('s')) },
  { ...required, idTokenSignedResponseAlg: 'HS256' },
  {
    ...required,
    passwordEncryptType: 'sm2',
    fields: { account: 'login' },
    language: 'zh',
    exposeReasons: true,
    name: 'b',
  },
  { ...required, signInOptions: { autoRegister: true, passwordEncryptType: 'none', scope: ['openid', 'email'] } },
  { ...required, signInOptions: () => ({ autoRegister: true, scope: 'openid email', captchaCode: text }) },
];

export const bad: GenAuthOptions[] = [
  // @ts-expect-error no appId
  { appSecret: 's', appHost: 'https://example.genauth.ai' },
  // @ts-expect-error no appHost
  { appId: 'a', appSecret: 's' },
  // @ts-expect-error an appId that is a number
  { ...required, appId: 5 },
  // @ts-expect-error not a method of GenAuth's
  { ...required, tokenEndpointAuthMethod: 'private_key_jwt' },
  // @ts-expect-error not the spelling of GenAuth's console
  { ...required, tokenEndpointAuthMethod: 'CLIENT_SECRET_POST' },
  // @ts-expect-error a method that is any text
  { ...required, tokenEndpointAuthMethod: text },
  // @ts-expect-error an option that nobody knows
  { ...required, verifyTls: false },
  // @ts-expect-error another library's word
  { ...required, clientID: 'a' },
  // @ts-expect-error scopes in a Set
  { ...required, scope: new Set(['openid']) },
  // @ts-expect-error a duration with its unit
  { ...required, timeout: '10s' },
  // @ts-expect-error an issuer that is a pattern
  { ...required, issuer: /genauth/ },
  // @ts-expect-error a sign-in option that nobody knows
  { ...required, signInOptions: { connection: 'LDAP' } },
  // @ts-expect-error the same, from a function
  { ...required, signInOptions: () => ({ connection: 'LDAP' }) },
  // @ts-expect-error another encryption
  { ...required, signInOptions: { passwordEncryptType: 'aes' } },
  // @ts-expect-error a flag that is a text
  { ...required, signInOptions: { autoRegister: 'true' } },
  // @ts-expect-error a secret that is a promise: give the function
  { ...required, appSecret: Promise.resolve('s') },
  // @ts-expect-error a function that may give none
  { ...required, appSecret: () => text || undefined },
  // @ts-expect-error a function that wants to be told something
  { ...required, appSecret: (name: string) => name },
  // @ts-expect-error a function that gives bytes
  { ...required, appSecret: () => Buffer.from('s') },
  // @ts-expect-error no algorithm of a tenant's
  { ...required, idTokenSignedResponseAlg: 'none' },
  // @ts-expect-error GenAuth has HS256 alone
  { ...required, idTokenSignedResponseAlg: 'HS512' },
  // @ts-expect-error one algorithm, not a choice
  { ...required, idTokenSignedResponseAlg: ['RS256'] },
  // @ts-expect-error an algorithm that is any text
  { ...required, idTokenSignedResponseAlg: text },
  // @ts-expect-error not the spelling of GenAuth's API
  { ...required, passwordEncryptType: 'RSA' },
  // @ts-expect-error a language that there are no texts for
  { ...required, language: 'de' },
  // @ts-expect-error a field that a login does not have
  { ...required, fields: { otp: 'code' } },
  // @ts-expect-error a field without a name
  { ...required, fields: { account: undefined } },
  // @ts-expect-error a context that is a number
  { ...required, signInOptions: () => ({ context: 5 }) },
  // @ts-expect-error an address that is fixed
  { ...required, clientIp: '203.0.113.7' },
  // @ts-expect-error an unknown member of jwks
  { ...required, jwks: { ttl: 1 } },
];

// @ts-expect-error the strategies want the same
export const strategy: unknown = new GenAuthPasswordStrategy({ appId: 'a' });
// @ts-expect-error the client as well
export const client: unknown = new GenAuthClient({ appHost: 'https://example.genauth.ai' });
// @ts-expect-error and so does the helper
export const options: unknown = defineGenAuthOptions({});

// ── What the scopes make of the user ────────────────────────────────────────────────────────────────────────────────

const fromList = new GenAuthClient({ ...required, scope: ['openid', 'email'] });
const fromText = new GenAuthClient({ ...required, scope: 'openid email' });
const fromOne = new GenAuthClient({ ...required, scope: 'openid' });
const fromNothing = new GenAuthClient(required);
const fromRunTimeText = new GenAuthClient({ ...required, scope: text });
const fromRunTimeList = new GenAuthClient({ ...required, scope: texts });
const fromConst = new GenAuthClient({ ...required, scope: ['openid', 'roles'] as const });
const defined = defineGenAuthOptions({ ...required, scope: ['openid', 'email'] });
const fromDefined = new GenAuthClient(defined);
const fromDefinedText = new GenAuthClient(defineGenAuthOptions({ ...required, scope: 'openid email' }));
const fromDefinedNothing = new GenAuthClient(defineGenAuthOptions(required));

type WithEmail = GenAuthUser<'openid' | 'email'>;
const ALICE = { account: 'alice', password: 'p' };
/** What the promise of a sign-in comes to, where it succeeds. */
type UserOf<Outcome> = Extract<Awaited<Outcome>, { kind: 'success' }> extends { user: infer User } ? User : never;

/** A sign-in without options of its own, by each of the clients. */
const signedIn = {
  fromList: () => fromList.signIn(ALICE),
  fromText: () => fromText.signIn(ALICE),
  fromOne: () => fromOne.signIn(ALICE),
  fromNothing: () => fromNothing.signIn(ALICE),
  fromRunTimeText: () => fromRunTimeText.signIn(ALICE),
  fromRunTimeList: () => fromRunTimeList.signIn(ALICE),
  fromConst: () => fromConst.signIn(ALICE),
  fromDefined: () => fromDefined.signIn(ALICE),
  fromDefinedText: () => fromDefinedText.signIn(ALICE),
  fromDefinedNothing: () => fromDefinedNothing.signIn(ALICE),
  /** Options of its own, but no scope among them, change nothing. */
  withOptions: () => fromList.signIn(ALICE, { tenantId: 't' }),
};
type SignedIn = { [Name in keyof typeof signedIn]: UserOf<ReturnType<(typeof signedIn)[Name]>> };

export type Users = [
  Expect<Equal<SignedIn['fromList'], WithEmail>>,
  Expect<Equal<SignedIn['fromText'], WithEmail>>,
  Expect<Equal<SignedIn['fromOne'], { sub: string }>>,
  Expect<Equal<SignedIn['fromNothing'], GenAuthUser<DefaultScope>>>,
  Expect<Equal<SignedIn['fromNothing'], GenAuthUser<'openid' | 'profile'>>>,
  Expect<Equal<SignedIn['fromRunTimeText'], GenAuthUser>>,
  Expect<Equal<SignedIn['fromRunTimeList'], GenAuthUser>>,
  Expect<Equal<SignedIn['fromConst'], GenAuthUser<'openid' | 'roles'>>>,
  Expect<Equal<SignedIn['fromDefined'], WithEmail>>,
  Expect<Equal<SignedIn['fromDefinedText'], WithEmail>>,
  Expect<Equal<SignedIn['fromDefinedNothing'], GenAuthUser<'openid' | 'profile'>>>,
  Expect<Equal<SignedIn['withOptions'], WithEmail>>,
];

/** Compiles where the type of the argument is the very type that is named. */
function expectType<Expected>(): <Actual>(
  value: Actual,
  ...same: Equal<Actual, Expected> extends true ? [] : [never]
) => void {
  return () => {};
}

export const strategies = [
  new GenAuthPasswordStrategy({ ...required, scope: ['openid', 'email'] }, (_req, user, info, done) => {
    expectType<WithEmail>()(user);
    expectType<SignInInfo>()(info);
    // @ts-expect-error phone was not asked for
    done(null, { phone: user.phone_number });
  }),
  new GenAuthPasswordStrategy({ ...required, scope: 'openid email' }, (_req, user) => expectType<WithEmail>()(user)),
  new GenAuthPasswordStrategy(required, (_req, user) => expectType<GenAuthUser<DefaultScope>>()(user)),
  new GenAuthPasswordStrategy({ ...required, scope: text }, (_req, user) => expectType<GenAuthUser>()(user)),
  new GenAuthPasswordStrategy(defined, (_req, user) => expectType<WithEmail>()(user)),
  new GenAuthPasswordStrategy(fromList, (_req, user) => expectType<WithEmail>()(user)),
  new GenAuthAdStrategy({ ...required, scope: ['openid', 'email'] }, (_req, user) => expectType<WithEmail>()(user)),
  new GenAuthAdStrategy({ ...required, scope: 'openid email' }, (_req, user) => expectType<WithEmail>()(user)),
  new GenAuthAdStrategy(required, (_req, user) => expectType<GenAuthUser<DefaultScope>>()(user)),
  new GenAuthAdStrategy(fromText, (_req, user) => expectType<WithEmail>()(user)),
  // By the option `userClaims` it is the one or the other.
  new GenAuthBearerStrategy({ ...required, scope: ['openid', 'email'] }, (_req, user) => {
    expectType<GenAuthTokenUser | WithEmail>()(user);
    if ('scope' in user) expectType<GenAuthTokenUser>()(user);
    else expectType<WithEmail>()(user);
    // @ts-expect-error an access token has no e-mail address
    return void user.email;
  }),
  new GenAuthBearerStrategy(fromList, (_req, user) => expectType<GenAuthTokenUser | WithEmail>()(user)),
  new GenAuthPasswordStrategy(required, async (_req, user, _info, done) => done(null, { id: user.sub }, { own: 1 })),
  new GenAuthPasswordStrategy(required, (_req, _user, _info, done) => done(null, false)),
  new GenAuthPasswordStrategy(required, (_req, _user, _info, done) => done(new Error('x'))),
  // @ts-expect-error a user is an object
  new GenAuthPasswordStrategy(required, (_req, user, _info, done) => done(null, user.sub)),
  // @ts-expect-error verify is a function
  new GenAuthPasswordStrategy(required, {}),
];
