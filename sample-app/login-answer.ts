import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { GenAuthUser, SignInInfo } from 'passport-genauth';
import type { RedirectInfo } from 'passport-genauth/redirect';

/** The folder of the page. */
export const PUBLIC_FOLDER = fileURLToPath(new URL('../sample-app/public', import.meta.url));

/** The tokens of a login or a refresh. GenAuth's response to a refresh may contain no new id_token. */
type Tokens = Omit<SignInInfo['tokens'], 'idToken'> & { idToken: string | undefined };

/**
 * Builds the response body for a login or a refresh, for Nest and Express. It copies each token by its name. It does
 * not contain the whole `authInfo`, because `authInfo` also contains all claims.
 */
export function toLoginAnswer(user: GenAuthUser | undefined, tokens: Tokens): object {
  const { accessToken, idToken, refreshToken, expiresAt } = tokens;
  return { user, accessToken, idToken, refreshToken, expiresAt };
}

/**
 * Renders the page with the answer to a sign-in on GenAuth's hosted page. The page reads the answer, because the sample
 * application has no session. An application with a session stores the tokens in it, and sends the browser to
 * `returnTo`.
 */
export function renderSignedIn(user: GenAuthUser, { tokens, returnTo }: RedirectInfo): string {
  const data = JSON.stringify({ ...toLoginAnswer(user, tokens), returnTo });
  // Without `<` the data cannot end the element.
  const element = `<script type="application/json" id="signed-in">${data.replaceAll('<', '\\u003c')}</script>`;
  const page = readFileSync(`${PUBLIC_FOLDER}/index.html`, 'utf8');
  // The page is two folders above the callback. The replacement is a function, because `$` has a meaning in a text.
  return page.replace('<head>', () => `<head><base href="../../" />${element}`);
}
