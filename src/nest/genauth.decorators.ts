import { type ExecutionContext, SetMetadata, createParamDecorator } from '@nestjs/common';

/** Metadata key of `@Public()`. */
export const PUBLIC = 'genauth:public';

/** Opens a route, or all routes of a controller, where `GenAuthGuard` stands before everything. No token is looked at. */
export const Public = (): MethodDecorator & ClassDecorator => SetMetadata(PUBLIC, true);

/**
 * The user of the request, or one claim of it: `@CurrentUser() user`, `@CurrentUser('email') email`. `undefined` on routes
 * that nobody guards.
 */
export const CurrentUser: (claim?: string) => ParameterDecorator = createParamDecorator(
  (claim: string | undefined, context: ExecutionContext): unknown => {
    const { user } = getRequest(context);
    return claim === undefined ? user : (user as Record<string, unknown> | undefined)?.[claim];
  },
);

/** What belongs to the sign-in and not to the user: tokens, all claims, GenAuth's request ID. */
export const AuthInfo: () => ParameterDecorator = createParamDecorator(
  (_: undefined, context: ExecutionContext): unknown => getRequest(context).authInfo,
);

function getRequest(context: ExecutionContext): { user?: unknown; authInfo?: unknown } {
  return context.switchToHttp().getRequest();
}
