import { PATHS } from '../../../src/core/wire/facts.js';
import type { GenAuthEmulator } from '../../../src/emulator/index.js';
import { asForm, getTokens, send, type Tokens } from '../support.js';

/** Signs in alice with a refresh token. */
export const getRefreshable = (emulator: GenAuthEmulator, scope = 'openid email offline_access') =>
  getTokens(emulator, { options: { scope } });

/** Sends a form to an OAuth endpoint with the app's credentials. */
const askAsApp = ({ url, appId, appSecret }: GenAuthEmulator, path: string, form: Record<string, string>) =>
  send(url + path, asForm({ client_id: appId, client_secret: appSecret, ...form }));

export const refresh = (emulator: GenAuthEmulator, refreshToken = '', form: Record<string, string> = {}) =>
  askAsApp(emulator, PATHS.token, { grant_type: 'refresh_token', refresh_token: refreshToken, ...form });

/** Refreshes and returns the new tokens. */
export const getRefreshed = async (...args: Parameters<typeof refresh>) =>
  (await refresh(...args)).body as unknown as Tokens;

export const introspect = (emulator: GenAuthEmulator, token = '') => askAsApp(emulator, PATHS.introspection, { token });

/** Returns for each token whether introspection calls it active. */
export async function areActive(emulator: GenAuthEmulator, ...tokens: (string | undefined)[]): Promise<unknown[]> {
  const answers = await Promise.all(tokens.map((token) => introspect(emulator, token)));
  return answers.map(({ body }) => body['active']);
}

export const revoke = (emulator: GenAuthEmulator, token = '') => askAsApp(emulator, PATHS.revocation, { token });

export const getUserInfo = (emulator: GenAuthEmulator, accessToken = '') =>
  send(emulator.url + PATHS.userInfo, { headers: { authorization: `Bearer ${accessToken}` } });
