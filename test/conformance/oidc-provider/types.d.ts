/** The members that the tests use. The package has no types. */
declare module 'oidc-provider' {
  import type { IncomingMessage, ServerResponse } from 'node:http';

  interface Grant {
    addOIDCScope(scope: string): void;
    addResourceScope(resource: string, scope: string): void;
    save(): Promise<string>;
  }

  export class Provider {
    constructor(issuer: string, configuration: object);
    readonly Grant: new (of: { accountId: string; clientId: string }) => Grant;
    readonly AuthorizationCode: new (members: object) => { save(): Promise<string> };
    readonly Client: { find(clientId: string): Promise<unknown> };
    callback(): (request: IncomingMessage, response: ServerResponse) => void;
  }
}
