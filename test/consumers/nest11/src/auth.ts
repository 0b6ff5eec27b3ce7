import { defineGenAuthOptions, genAuthOptionsFromEnvironment } from 'passport-genauth';
import { createGenAuthDecorators } from 'passport-genauth/nest';
import type { UsersService } from './users.service';

export const buildOptions = (users: UsersService) =>
  defineGenAuthOptions({
    ...genAuthOptionsFromEnvironment(),
    scope: ['openid', 'profile', 'roles'],
    resolveUser: (_req, { sub }) => users.find(sub),
  });
export const { CurrentUser, AuthInfo } = createGenAuthDecorators<ReturnType<typeof buildOptions>>();
