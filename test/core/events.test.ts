import { jest } from '@jest/globals';
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type SignInEvent, publishEvent } from '../../src/core/events.js';

const NAME = 'genauth:sign-in';

it('builds an event once for all subscribers of its channel, and no event without a subscriber', () => {
  const event = { appId: 'a', connection: 'AD', result: 'success' } as SignInEvent;
  const [describeEvent, first, second] = [jest.fn(() => event), jest.fn(), jest.fn()];
  subscribe(NAME, first);
  subscribe(NAME, second);
  publishEvent(NAME, describeEvent);
  unsubscribe(NAME, first);
  unsubscribe(NAME, second);
  expect(channel(NAME).hasSubscribers).toBe(false);
  publishEvent(NAME, describeEvent);
  expect(describeEvent).toHaveBeenCalledTimes(1);
  expect([first.mock.calls, second.mock.calls]).toEqual([[[event, NAME]], [[event, NAME]]]);
  expect(first.mock.calls[0]?.[0]).toBe(event);
});
