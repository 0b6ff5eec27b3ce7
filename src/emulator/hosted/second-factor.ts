import { randomInt } from 'node:crypto';
import type { Parameters } from '../oidc/parameters.js';
import type { EmulatorConfig } from '../options.js';
import type { Interaction } from '../state/interaction.js';
import type { EmulatorState } from '../state/state.js';
import { findMfa } from '../users/user-states.js';
import type { Account } from '../users/user-store.js';
import type { Notice } from './notice.js';
import { isTotp } from './totp.js';

/** The number of seconds after which a sent code expires. */
const CODE_LIFETIME = 300;

/** The claim with the destination of the codes of a second factor. `OTP` has no destination. */
const DESTINATIONS: Readonly<Record<string, string | undefined>> = {
  OTP: undefined,
  SMS: 'phone_number',
  EMAIL: 'email',
};

/** A second factor that the user can prove on the hosted page. */
export interface Factor {
  readonly name: string;
  /** The phone number or the e-mail address. `undefined` for `OTP`. */
  readonly destination: string | undefined;
}

/** Returns the required second factors that the hosted page implements and for which the user has a destination. */
export function listFactors({ claims, states }: Account, config: EmulatorConfig): readonly Factor[] {
  const required = findMfa(states, config.mfa)?.factors ?? [];
  return required.flatMap((name): Factor[] => {
    if (!Object.hasOwn(DESTINATIONS, name)) return [];
    const claim = DESTINATIONS[name];
    if (claim === undefined) return [{ name, destination: undefined }];
    const destination = claims[claim];
    return typeof destination === 'string' ? [{ name, destination }] : [];
  });
}

/**
 * Sends a code or checks a code, as the form requests. The emulator does not deliver codes: `GET /emulator/v1/codes`
 * returns them. A code of `OTP` can be used more than once while it is valid.
 *
 * @returns The text for the page, or `undefined` if the second factor is proved.
 */
export function proveFactor(
  state: EmulatorState,
  account: Account,
  form: Parameters,
  interaction: Interaction,
): Notice | undefined {
  const factor = listFactors(account, state.config).find(({ name }) => name === form.get('factor'));
  if (!factor) return { text: 'Choose one of the factors.' };
  if (form.get('action') === 'send' && factor.destination !== undefined) {
    sendCode(state, interaction, factor.name, factor.destination);
    return { text: `A code was sent to ${factor.destination}.`, isInfo: true };
  }
  const code = form.get('code')?.trim() ?? '';
  const now = state.clock.nowInSeconds();
  const sent = interaction.sentCode;
  const isRight =
    factor.destination === undefined
      ? isTotp(account, code, now)
      : sent?.factor === factor.name && sent.code === code && now < sent.exp;
  if (!isRight) return { text: 'The code is wrong or expired.' };
  interaction.sentCode = undefined;
  interaction.isFactorProved = true;
  return undefined;
}

function sendCode({ clock, sentCodes }: EmulatorState, interaction: Interaction, factor: string, destination: string) {
  const code = String(randomInt(1_000_000)).padStart(6, '0');
  interaction.sentCode = { factor, code, exp: clock.nowInSeconds() + CODE_LIFETIME };
  sentCodes.add({ account: interaction.name ?? '', factor, destination, code, at: clock.date().toISOString() });
}
