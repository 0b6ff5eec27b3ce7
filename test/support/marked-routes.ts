import { Controller, Get, type Type } from '@nestjs/common';
import { type Issuer } from './issuer.js';

/** What GenAuth's OIDC side answers at, beside the key set. */
export const USER_INFO_PATH = '/oidc/me';
export const INTROSPECTION_PATH = '/oidc/token/introspection';

export type Mark = ClassDecorator & MethodDecorator;

/** A controller of one route, `GET /<path>`, with marks on its class and its handler. */
export function buildMarkedController(path: string, onClass: readonly Mark[], onHandler: readonly Mark[]): Type {
  class Routes {
    get(): object {
      return { done: true };
    }
  }
  for (const mark of onClass) mark(Routes);
  const descriptor = Object.getOwnPropertyDescriptor(Routes.prototype, 'get') ?? {};
  for (const mark of onHandler) mark(Routes.prototype, 'get', descriptor);
  Get()(Routes.prototype, 'get', descriptor);
  Controller(path)(Routes);
  return Routes;
}

/** `Authorization` for a right access token but for these claims. */
export function bearer(issuer: Issuer, claims: object = {}): string {
  return `Bearer ${issuer.sign({ ...issuer.accessTokenClaims(), ...claims })}`;
}
