import { type Issuer, SIGN_IN_PATH } from './issuer.js';

/** Makes an issuer accept every sign-in. The `sub` of the tokens is {@link subjectOf} of the account that was sent. */
export function admitEverybody(issuer: Issuer): void {
  issuer.reply(SIGN_IN_PATH, ({ body }) => {
    const { passwordPayload, adPayload, client_id: aud } = JSON.parse(body) as Record<string, Record<string, string>>;
    const { account, sAMAccountName } = { ...passwordPayload, ...adPayload };
    const claims = { sub: subjectOf(account ?? sAMAccountName ?? '', issuer), aud };
    const data = {
      id_token: issuer.sign(issuer.idTokenClaims(claims)),
      access_token: issuer.sign(issuer.accessTokenClaims(claims)),
    };
    return { body: { statusCode: 200, requestId: 'request-1', data } };
  });
}

/** Who a name is at an issuer: another person at each. */
export function subjectOf(name: string, issuer: Issuer): string {
  return `${name} at ${issuer.url}`;
}
