import type { WireEnvelope } from '../../core/wire/facts.js';
import { at, readInteger, readJson, readObject, readString } from '../input/readers.js';
import { invalid } from '../errors.js';
import { readTimes } from './repeat-queue.js';

/** An answer that replaces the result of a sign-in. A test can return any of GenAuth's codes with it. */
export interface EmulatorSignInAnswer {
  /** GenAuth's `statusCode`, 200 to 699. The HTTP status is 200, except for 429 and 501. */
  statusCode: number;
  /** GenAuth's `apiCode`: a number, or a string of digits as in its older responses. Default: none. */
  apiCode?: number | string;
  /** `message` of the envelope. Default: empty. */
  message?: string;
  /** `data` of the envelope, any JSON value. Default: none. */
  data?: unknown;
  /** Any identifier of the only account that gets the answer, for both connections. Default: every account. */
  account?: string;
  /** Number of sign-ins that get the answer. Default 1. */
  times?: number;
}

/** A checked answer, ready to be sent. */
export interface PreparedSignInAnswer {
  readonly account: string | undefined;
  readonly envelope: WireEnvelope<unknown>;
}

/**
 * Checks an answer.
 *
 * @param path Name of the answer in messages.
 * @throws EmulatorError `invalid_input` if a property is wrong.
 */
export function readSignInAnswer(input: unknown, path: string): { times: number; answer: PreparedSignInAnswer } {
  const given = readObject(input, path, ['statusCode', 'apiCode', 'message', 'data', 'account', 'times']);
  const statusCode = readInteger(given.get('statusCode'), at(path, 'statusCode'), 200, 699);
  const account = given.has('account') ? readString(given.get('account'), at(path, 'account')) : undefined;
  const envelope = {
    statusCode,
    ...(given.has('apiCode') && { apiCode: readApiCode(given.get('apiCode'), at(path, 'apiCode')) }),
    message: readString(given.get('message') ?? '', at(path, 'message')),
    // The data is copied, because the caller may change its object after the check.
    ...(given.has('data') && { data: JSON.parse(readJson(given.get('data'), at(path, 'data'))) as unknown }),
  };
  return { times: readTimes(given.get('times') ?? 1, at(path, 'times')), answer: { account, envelope } };
}

function readApiCode(value: unknown, path: string): number | string {
  const isCode =
    typeof value === 'string' ? /^\d{1,16}$/.test(value) : Number.isSafeInteger(value) && Number(value) >= 0;
  if (isCode) return value as number | string;
  throw invalid(path, 'a whole number, or a string of digits', value);
}
