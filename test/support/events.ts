import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { GenAuthEvents, SignInEvent } from '../../src/core/events.js';

const NAMES = ['genauth:sign-in', 'genauth:refusal', 'genauth:keys', 'genauth:refresh', 'genauth:user-info'] as const;

/** Everything that comes over the channels of this package, for each test anew. */
export function useEvents(): { name: keyof GenAuthEvents; event: unknown }[] {
  const events: { name: keyof GenAuthEvents; event: unknown }[] = [];
  const take = (event: unknown, name: string | symbol): void =>
    void events.push({ name: name as keyof GenAuthEvents, event });
  beforeEach(() => {
    events.length = 0;
    for (const name of NAMES) subscribe(name, take);
  });
  afterEach(() => {
    for (const name of NAMES) unsubscribe(name, take);
  });
  return events;
}

/** Everything that comes over `genauth:sign-in`, for each test anew. */
export function useSignInEvents(): SignInEvent[] {
  const events: SignInEvent[] = [];
  const take = (event: unknown): void => void events.push(event as SignInEvent);
  beforeEach(() => {
    events.length = 0;
    subscribe('genauth:sign-in', take);
  });
  afterEach(() => void unsubscribe('genauth:sign-in', take));
  return events;
}
