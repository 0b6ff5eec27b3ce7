import { jest } from '@jest/globals';
import { channel, subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type SignInEvent, publishSignIn } from '../../src/core/events.js';

const NAME = 'genauth:sign-in';
const event: SignInEvent = {
  appId: 'a',
  connection: 'AD',
  result: 'success',
  text: '',
  statusCode: 200,
  apiCode: undefined,
  requestId: undefined,
  duration: 1,
};

it('builds no event without a subscriber', () => {
  expect(channel(NAME).hasSubscribers).toBe(false);
  const describeEvent = jest.fn(() => event);
  publishSignIn(describeEvent);
  expect(describeEvent).not.toHaveBeenCalled();
});

it('builds an event once and passes the same object to every subscriber of its channel', () => {
  const [describeEvent, first, second, other] = [jest.fn(() => event), jest.fn(), jest.fn(), jest.fn()];
  subscribe(NAME, first);
  subscribe(NAME, second);
  subscribe('genauth', other);
  publishSignIn(describeEvent);
  unsubscribe(NAME, first);
  unsubscribe(NAME, second);
  unsubscribe('genauth', other);
  expect(describeEvent).toHaveBeenCalledTimes(1);
  expect([first.mock.calls, second.mock.calls, other.mock.calls]).toEqual([[[event, NAME]], [[event, NAME]], []]);
  expect(first.mock.calls[0]?.[0]).toBe(event);
});
