import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { SignInEvent } from '../../src/core/events.js';

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
