/** Compile-time only: what a route may require, the user behind a token, and the result of a refresh. */
import type { Request } from 'express';
import {
  type AnyGenAuthClient,
  type BearerInfo,
  type BearerUser,
  type GenAuthBearerStrategy,
  GenAuthClient,
  type GenAuthGuardedUserOf,
  type GenAuthTokenUser,
  type GenAuthUser,
  type GenAuthUserOf,
  type RefreshedTokens,
  type RequireAuthOptions,
  type SignInInfo,
  defineGenAuthOptions,
  genAuthErrorHandler,
  requireAuth,
} from '../../src/index.js';
import {
  CurrentUser,
  Introspect,
  RequireScopes,
  Roles,
  Tenant,
  createGenAuthDecorators,
} from '../../src/nest/index.js';
import type { Equal, Expect } from '../support/type-equality.js';

const required = { appId: 'a', appSecret: 's', appHost: 'https://example.genauth.ai' } as const;
const client = new GenAuthClient<'openid' | 'extended_fields', { department: string }>({
  ...required,
  scope: ['openid', 'extended_fields'],
});
declare const text: string;

export const handlers = [
  requireAuth(client),
  genAuthErrorHandler(client),
  requireAuth(required),
  requireAuth({ ...required, scope: ['openid', 'email'] }, { scopes: ['email'] }),
  // @ts-expect-error the options of a client are not a client
  genAuthErrorHandler(required),
  // @ts-expect-error the options of a client must be complete
  requireAuth({ appId: 'a' }),
];

export const requirements: RequireAuthOptions[] = [
  { scopes: { any: ['email', text] }, roles: { all: ['admin'] } },
  { roles: ['admin'], optional: true, introspect: { maxAge: 10_000 } },
  { introspect: true, tenant: (req) => req.headers['x-tenant']?.toString() },
  // A function of Express's request fits, and may return a promise.
  { tenant: async (req: Request<{ tenant: string }>) => req.params.tenant },
  // @ts-expect-error the option is `scopes`
  { scope: ['email'] },
  // @ts-expect-error neither `any` nor `all`
  { scopes: { some: ['email'] } },
  // @ts-expect-error a role is its code
  { roles: [{ code: 'admin' }] },
  // @ts-expect-error a number has no unit
  { introspect: 10_000 },
];

export const decorators = [
  [Roles('admin', text), Roles.all('admin', 'auditor'), RequireScopes('email'), RequireScopes.any('email', 'phone')],
  [Tenant((req: Request) => req.params['tenant']?.toString()), Introspect(), Introspect({ maxAge: 0 }), CurrentUser()],
  // @ts-expect-error an array
  Roles(['admin']),
  // @ts-expect-error a fixed tenant instead of a function
  Tenant('tenant-1'),
];

type WithEmail = GenAuthUser<'openid' | 'email'>;
type UserOfStrategy<Strategy> = Strategy extends { client: GenAuthClient<infer S> } ? BearerUser<S> : never;
export type Bearers = [
  Expect<Equal<BearerUser<'openid' | 'email'>, GenAuthTokenUser | WithEmail>>,
  Expect<Equal<BearerUser, GenAuthTokenUser | GenAuthUser>>,
  Expect<Equal<UserOfStrategy<GenAuthBearerStrategy<'openid'>>, GenAuthTokenUser | { sub: string }>>,
];
declare const bearer: BearerUser<'openid' | 'email'>;
// @ts-expect-error an access token has no e-mail address
export const email: unknown = bearer.email;

const refresh = () => client.refresh('r');
type User = GenAuthUser<'openid' | 'extended_fields', { department: string }>;
export type Refreshes = [
  Expect<Equal<Awaited<ReturnType<typeof refresh>>, RefreshedTokens<User>>>,
  Expect<Equal<RefreshedTokens<WithEmail>['user'], WithEmail | undefined>>,
  // The refresh token is always present, the id_token only if GenAuth sent a new one.
  Expect<Equal<RefreshedTokens['tokens']['refreshToken'], string>>,
  Expect<Equal<RefreshedTokens['tokens']['idToken'], string | undefined>>,
];

/** The scopes of a client cannot be mixed up. */
declare const withEmail: GenAuthClient<'openid' | 'email'>;
declare const withPhone: GenAuthClient<'openid' | 'phone'>;
declare const withAny: GenAuthClient<string>;
export const anyClient: GenAuthClient<string> = withEmail;
// @ts-expect-error the client has no scope email
export const wrong: GenAuthClient<'openid' | 'email'> = withPhone;
// @ts-expect-error the client has no scope phone
export const reverse: GenAuthClient<'openid' | 'phone'> = withEmail;
// @ts-expect-error the scopes of the client are not known
export const unknownScopes: GenAuthClient<'openid' | 'email'> = withAny;
// @ts-expect-error the default scopes are openid and profile
export const defaults: GenAuthClient = withEmail;

// @ts-expect-error a client with fewer scopes has another type
export const fewer: GenAuthClient<'openid'> = withEmail;
export const any: AnyGenAuthClient = withEmail;

/** Functions of the application read the parameters of a route without a type of their own. */
export const routed = [
  requireAuth(withAny, { tenant: (req) => req.params.tenant }),
  Tenant((req) => req.params.tenant),
  defineGenAuthOptions({ ...required, signInOptions: (req) => ({ context: { source: req.query.utm } }) }),
];

/** The user of a guarded route, and the parameters of typed decorators. */
const ofToken = defineGenAuthOptions({ ...required, scope: ['openid', 'email'] });
const ofUserInfo = defineGenAuthOptions({ ...required, scope: ['openid', 'email'], userClaims: 'userinfo' });
// @ts-expect-error a misspelt option
defineGenAuthOptions({ ...required, timeot: 5 });
const ofApp = defineGenAuthOptions({ ...required, resolveUser: async () => ({ id: 1 }) as { id: number } | null });
const ofClaims = defineGenAuthOptions({ ...required, resolveUser: (_req, { sub }) => (sub === '' ? null : { sub }) });
export type GuardedUsers = [
  Expect<Equal<GenAuthGuardedUserOf<typeof ofClaims>, { sub: string }>>,
  Expect<Equal<GenAuthGuardedUserOf<typeof ofToken>, GenAuthTokenUser>>,
  Expect<
    Equal<GenAuthGuardedUserOf<typeof ofUserInfo>, { sub: string; email: string | null; email_verified: boolean }>
  >,
  Expect<Equal<GenAuthGuardedUserOf<typeof ofApp>, { id: number }>>,
  Expect<Equal<GenAuthUserOf<typeof ofToken>, WithEmail>>,
];
const typed = createGenAuthDecorators(ofUserInfo);
const typedApp = createGenAuthDecorators(ofApp);
interface School {
  school: string;
}
const withSchool = defineGenAuthOptions({ ...required, scope: ['openid', 'extended_fields'], userClaims: 'userinfo' });
const fields = createGenAuthDecorators<typeof withSchool, School>();
const ofVerify = createGenAuthDecorators({ ...required, verify: async () => ({ id: 1 }) as { id: number } | null });
declare const withInterface: GenAuthClient<'openid', School>;
export const accepted: AnyGenAuthClient = withInterface;
// The same scopes as one string and as a list are the same type.
const asString = new GenAuthClient({ ...required, scope: 'openid email' });
export const asList: GenAuthClient<'openid' | 'email'> = asString;

export class Handlers {
  show(@typed.CurrentUser() user: WithEmail, @typed.CurrentUser('email') address: string | null): unknown {
    return [user, address];
  }
  optional(@typed.CurrentUser() user: WithEmail | undefined, @typed.AuthInfo() info: SignInInfo): unknown {
    return [user, info];
  }
  own(@typedApp.CurrentUser() user: { id: number }, @typedApp.AuthInfo() info: BearerInfo): unknown {
    return [user, info];
  }
  withFields(
    @fields.CurrentUser() user: GenAuthUser<'openid' | 'extended_fields', School>,
    @fields.CurrentUser('extended_fields') own: School | null,
  ): unknown {
    return [user, own];
  }
  verified(@ofVerify.CurrentUser() user: { id: number }, @ofVerify.CurrentUser('id') id: number): unknown {
    return [user, id];
  }
  // @ts-expect-error no user has a telephone number
  phone(@typed.CurrentUser() user: { phone_number: string }): unknown {
    return user;
  }
  // @ts-expect-error the e-mail address can be null
  address(@typed.CurrentUser('email') address: string): unknown {
    return address;
  }
  // @ts-expect-error no scope has this claim
  claim(@typed.CurrentUser('phone_number') phone: string): unknown {
    return phone;
  }
}
