import type { GenAuthGuardedUserOf, GenAuthOptions, GenAuthUserOf } from '../core/options/types.js';
import type { BearerInfo } from '../web/authenticate-bearer.js';
import type { SignInInfo } from '../web/sign-in.js';
import { AuthInfo, CurrentUser } from './genauth.decorators.js';

/**
 * The type that the compiler shows if the type of a decorated parameter does not fit. It is not an interface, because
 * the compiler writes it into the declaration files of an application that exports the decorators.
 */
type Mismatch = {
  mistake: 'The type of the parameter must accept the value of the decorator, see createGenAuthDecorators.';
};

/**
 * A decorator for a parameter of a handler. The compiler refuses it if the type of the parameter accepts none of the
 * types in `Values`, which is a tuple.
 */
type TypedParameter<Values extends readonly unknown[]> = <
  Target extends object,
  Key extends string | symbol | undefined,
  Index extends number,
>(
  target: Target,
  key: Key,
  index: Index & Check<Target, Key, Index, Values>,
) => void;

type Check<Target, Key, Index extends number, Values extends readonly unknown[]> = Key extends keyof Target
  ? Target[Key] extends (...parameters: infer Parameters) => unknown
    ? `${Index}` extends keyof Parameters
      ? Accepts<Parameters[`${Index}` & keyof Parameters], Values> extends true
        ? Index
        : Mismatch
      : Index
    : Index
  : Index;

type Accepts<Parameter, Values extends readonly unknown[]> = Values extends readonly [infer First, ...infer Others]
  ? [First] extends [Parameter]
    ? true
    : Accepts<Parameter, Others>
  : false;

// The type `never` has every property, so it is excluded.
type NameOf<User> = [User] extends [never] ? never : Extract<keyof User, string>;
type ClaimOf<User, Claim> = Claim extends NameOf<User> ? [User[Claim & keyof User]] : [];

/** The application's own user of a login route: the result of `verify`. `never` without this option. */
type VerifiedUserOf<Options> = Options extends { readonly verify: (...parameters: never[]) => infer Result }
  ? Extract<Awaited<Result>, object>
  : never;

/** The decorators that {@link createGenAuthDecorators} returns. */
export interface GenAuthDecorators<
  Options,
  ExtendedFields extends object,
  Login = GenAuthUserOf<Options, ExtendedFields>,
  Guarded = GenAuthGuardedUserOf<Options, ExtendedFields>,
  Verified = VerifiedUserOf<Options>,
> {
  /** Like `CurrentUser` of this package, with the user of the options. */
  CurrentUser: {
    (): TypedParameter<[Verified] extends [never] ? [Login, Guarded] : [Login, Guarded, Verified]>;
    <const Claim extends NameOf<Login> | NameOf<Guarded> | NameOf<Verified>>(
      claim: Claim,
    ): TypedParameter<[...ClaimOf<Login, Claim>, ...ClaimOf<Guarded, Claim>, ...ClaimOf<Verified, Claim>]>;
  };
  /** Like `AuthInfo` of this package. */
  AuthInfo: () => TypedParameter<[SignInInfo, BearerInfo]>;
}

/**
 * Returns the decorators `CurrentUser` and `AuthInfo` with types that follow the options. The compiler refuses a
 * parameter whose type accepts neither the user of a login route nor the user of a guarded route, and a claim that
 * neither user has. The decorators do the same at run time as those of this package.
 *
 * @param _options - The options of the module. Only their type is used, so define them with `defineGenAuthOptions`.
 * @typeParam ExtendedFields - The type of the custom fields of the user pool, for the scope `extended_fields`:
 * `createGenAuthDecorators<typeof options, Fields>()`.
 *
 * @example
 * ```ts
 * import { Controller, Get } from '@nestjs/common';
 * import { type GenAuthGuardedUserOf, defineGenAuthOptions } from 'passport-genauth';
 * import { createGenAuthDecorators } from 'passport-genauth/nest';
 *
 * const options = defineGenAuthOptions({
 *   appId: '65f0c1d2e3a4b5c6d7e8f901',
 *   appSecret: '0123456789abcdef0123456789abcdef',
 *   appHost: 'https://example.genauth.ai',
 *   scope: ['openid', 'email'],
 *   userClaims: 'userinfo',
 * });
 * export const { CurrentUser, AuthInfo } = createGenAuthDecorators(options);
 * type User = GenAuthGuardedUserOf<typeof options>;
 *
 * @Controller('me')
 * export class MeController {
 *   @Get()
 *   show(@CurrentUser() user: User, @CurrentUser('email') email: string | null): object {
 *     return { user, email };
 *   }
 * }
 * ```
 */
export function createGenAuthDecorators<
  const Options extends GenAuthOptions<string>,
  ExtendedFields extends object = Record<string, unknown>,
>(_options?: Options): GenAuthDecorators<Options, ExtendedFields> {
  return { CurrentUser, AuthInfo } as unknown as GenAuthDecorators<Options, ExtendedFields>;
}
