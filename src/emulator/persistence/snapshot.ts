import { isDeepStrictEqual } from 'node:util';
import type { Certificates } from '../encryption/certificates.js';
import type { EncryptionKeyPairs } from '../encryption/encryption-keys.js';
import { isObject } from '../input/readers.js';
import type { LoginLimits } from '../state/login-protection.js';
import type { EmulatorState } from '../state/state.js';
import type { Grant, IssuedToken } from '../tokens/issued-tokens.js';
import { KeyRing, type StoredKeys } from '../tokens/signing-keys.js';
import type { StateFile } from './state-file.js';
import { type StoredUsers, restoreUsers, storeUsers } from './stored-users.js';

/** The version of {@link Snapshot}. Another version of the emulator may store another one. */
const FORMAT = 1;

/** The state of an emulator that survives a restart, as JSON. */
export interface Snapshot {
  readonly format: typeof FORMAT;
  readonly appId: string;
  /** The port on which the emulator listened. The issuer of the tokens contains it. */
  readonly port: number;
  readonly signingKeys: StoredKeys;
  readonly encryptionKeys: EncryptionKeyPairs;
  readonly certificates?: Certificates;
  readonly users: StoredUsers;
  /** The grants of the tokens. `sub` is the account. */
  readonly grants: readonly (Omit<Grant, 'account'> & { readonly sub: string })[];
  /** The tokens by the digest of their text. `grant` is the position of the grant in `grants`. */
  readonly tokens: readonly (readonly [
    digest: string,
    token: Omit<IssuedToken, 'grant'> & { readonly grant: number },
  ])[];
  /** The SSO sessions: the value of the cookie, the `sub` of the user, and the time of expiry. */
  readonly sessions: readonly (readonly [session: string, sub: string, exp: number])[];
  /** The failed sign-ins of each account. */
  readonly failures: ReturnType<EmulatorState['protection']['entries']>;
  /** The settings that can be changed while the emulator runs. */
  readonly settings: Settings;
  /** The same settings in the options of the emulator. If the options have changed since, they count. */
  readonly givenSettings: Settings;
  readonly requests: EmulatorState['requestCounts'];
}

interface Settings {
  readonly clockDrift: number;
  /** The limits of failed sign-ins. A limit that is absent is off. */
  readonly limits: Partial<LoginLimits>;
}

function storeSettings(clockDrift: number, limits: LoginLimits): Settings {
  const finite = Object.entries(limits).filter(([, limit]) => Number.isFinite(limit));
  return { clockDrift, limits: Object.fromEntries(finite) };
}

/** Builds the state that the option `stateFile` stores. Expired tokens and sessions are left out. */
export async function takeSnapshot(state: EmulatorState): Promise<Snapshot> {
  const { config, keys, clock, tokens, protection } = state;
  // Both are awaited first. From here on, no request can change the state before the snapshot is complete.
  const [signingKeys, encryptionKeys] = await Promise.all([keys.export(), state.encryptionKeys.export()]);
  const isKept = ({ exp }: { exp: number }) => clock.nowInSeconds() < exp;
  const kept = tokens.entries().filter(([, token]) => isKept(token) && !token.grant.account.removed);
  const grants = [...new Set(kept.map(([, { grant }]) => grant))];
  const positions = new Map(grants.map((grant, i) => [grant, i]));
  return {
    format: FORMAT,
    appId: config.appId,
    port: state.lastPort,
    signingKeys,
    encryptionKeys,
    ...(state.certificates && { certificates: state.certificates }),
    users: storeUsers(state),
    grants: grants.map(({ account: { sub }, ...grant }) => ({ ...grant, sub })),
    tokens: kept.map(([digest, token]) => [digest, { ...token, grant: positions.get(token.grant) ?? 0 }]),
    sessions: state.sessions.entries().map(([session, account, exp]) => [session, account.sub, exp]),
    failures: protection.entries(),
    settings: storeSettings(clock.drift, protection.limits),
    givenSettings: storeSettings(config.clockDrift, config.loginLimits),
    requests: state.requestCounts,
  };
}

/**
 * Restores the state of an emulator from its file. If the file does not exist, new keys are created.
 *
 * @throws EmulatorError with the code `state_file_unusable` if the file cannot be read, or has another content.
 */
export async function restoreState(state: EmulatorState, file: StateFile): Promise<void> {
  const stored = await file.read();
  if (stored === undefined) return state.createKeys();
  if (!isObject(stored) || stored['format'] !== FORMAT) throw file.unusable();
  if (stored['appId'] !== state.config.appId) throw file.foreign(String(stored['appId']));
  try {
    await restoreSnapshot(state, stored as unknown as Snapshot);
  } catch {
    // Only the emulator writes the file. Its members are not checked one by one.
    throw file.unusable();
  }
}

async function restoreSnapshot(state: EmulatorState, snapshot: Snapshot): Promise<void> {
  state.clearTokens();
  state.useKeys(await KeyRing.import(snapshot.signingKeys));
  state.lastPort = snapshot.port;
  state.encryptionKeys.import(snapshot.encryptionKeys);
  state.certificates = snapshot.certificates;
  restoreUsers(state, snapshot.users);
  const accounts = new Map(state.users.accounts().map((account) => [account.sub, account]));
  const grants = snapshot.grants.map(({ sub, ...grant }) => {
    const account = accounts.get(sub);
    return account && { ...grant, account };
  });
  for (const [digest, { grant: position, ...token }] of snapshot.tokens) {
    const grant = grants[position];
    if (grant) state.tokens.restore(digest, { ...token, grant });
  }
  for (const [session, sub, exp] of snapshot.sessions) {
    const account = accounts.get(sub);
    if (account) state.sessions.restore(session, account, exp);
  }
  state.protection.restore(snapshot.failures);
  const { config } = state;
  if (isDeepStrictEqual(storeSettings(config.clockDrift, config.loginLimits), snapshot.givenSettings)) {
    const { clockDrift, limits } = snapshot.settings;
    state.clock.drift = clockDrift;
    state.protection.limits = { captchaAfter: Infinity, lockAfter: Infinity, ...limits };
  }
  state.restoreRequestCounts(snapshot.requests);
}
