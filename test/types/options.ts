/** Compile-time only: which options are allowed, and that every class infers the user from the option `scope`. */
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

export const good: GenAuthOptions[] = [
  { appId: 'a', appHost: 'https://example.genauth.ai', tokenEndpointAuthMethod: 'none' },
  { ...required, scope: 'openid email', audience: ['a', 'b'], ca: ['…'], verifiedTokenCache: false },
  { ...required, signInOptions: (req) => ({ context: { agent: req.headers['user-agent'] }, captchaCode: text }) },
  // Functions of Express fit, although Express's request has more members than the library requires.
  { ...required, signInOptions: (req: Request) => ({ tenantId: req.hostname }), clientIp: (req: Request) => req.ip },
  { ...required, appSecret: () => (text === '' ? 's' : Promise.resolve('s')), verifiedTokenCache: { maxEntries: 1 } },
  { ...required, fields: { account: 'login' }, signInOptions: { autoRegister: true, clientIp: undefined } },
];

export const bad: GenAuthOptions[] = [
  // @ts-expect-error appId is missing
  { appSecret: 's', appHost: 'https://example.genauth.ai' },
  // @ts-expect-error unknown option
  { ...required, verifyTls: false },
  // @ts-expect-error unknown sign-in option
  { ...required, signInOptions: { connection: 'LDAP' } },
  // @ts-expect-error a function that may return undefined
  { ...required, appSecret: () => text || undefined },
  // @ts-expect-error any string
  { ...required, idTokenSignedResponseAlg: text },
  // @ts-expect-error unknown field of a login
  { ...required, fields: { otp: 'code' } },
];

// @ts-expect-error a strategy checks the options
export const strategy: unknown = new GenAuthPasswordStrategy({ appId: 'a' });

const fromList = new GenAuthClient({ ...required, scope: ['openid', 'email'] });
const fromText = new GenAuthClient({ ...required, scope: 'openid email' });
const fromNothing = new GenAuthClient(required);
const fromUnknown = new GenAuthClient({ ...required, scope: text });
const defined = defineGenAuthOptions({ ...required, scope: ['openid', 'email'] });
const fromDefined = new GenAuthClient(defined);

type WithEmail = GenAuthUser<'openid' | 'email'>;
type UserOf<Client> = Client extends GenAuthClient<infer S> ? GenAuthUser<S> : never;
export type Users = [
  Expect<Equal<UserOf<typeof fromList>, WithEmail>>,
  Expect<Equal<UserOf<typeof fromText>, WithEmail>>,
  Expect<Equal<UserOf<typeof fromDefined>, WithEmail>>,
  Expect<Equal<UserOf<typeof fromNothing>, GenAuthUser<'openid' | 'profile'>>>,
  Expect<Equal<DefaultScope, 'openid' | 'profile'>>,
  Expect<Equal<UserOf<typeof fromUnknown>, GenAuthUser>>,
];

/** Compiles only if the type of the argument equals the named type. */
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
    // @ts-expect-error the scope phone is not requested
    done(null, { phone: user.phone_number });
  }),
  new GenAuthAdStrategy({ ...required, scope: ['openid', 'email'] }, (_req, user) => expectType<WithEmail>()(user)),
  // The option `userClaims` decides which of the two types the user has.
  new GenAuthBearerStrategy({ ...required, scope: ['openid', 'email'] }, (_req, user) =>
    expectType<GenAuthTokenUser | WithEmail>()(user),
  ),
  new GenAuthPasswordStrategy(required, async (_req, user, _info, done) => done(null, { id: user.sub }, { own: 1 })),
  // @ts-expect-error a user is an object
  new GenAuthPasswordStrategy(required, (_req, user, _info, done) => done(null, user.sub)),
];

// The scope of `signInOptions` is one of the configured scopes.
const email = { ...required, scope: ['openid', 'email'] } as const;
export const narrowed = [
  new GenAuthClient({ ...email, signInOptions: () => ({ scope: ['openid'] }) }),
  new GenAuthClient({ ...required, scope: text, signInOptions: { scope: 'openid anything' } }),
  // @ts-expect-error phone is not configured
  new GenAuthClient({ ...email, signInOptions: () => ({ scope: ['openid', 'phone'] }) }),
  // @ts-expect-error phone is not configured
  defineGenAuthOptions({ ...email, signInOptions: { scope: ['phone'] } }),
];
