import type { WireEnvelope } from '../../core/wire/facts.js';
import { at, readInteger, readJson, readObject, readString } from '../input/readers.js';
import { invalid } from '../errors.js';
import { readTimes } from './repeat-queue.js';

/** An answer that replaces the result of a sign-in. With it a test can send each of GenAuth's codes. */
export interface EmulatorSignInAnswer {
  /** The `statusCode` in the response body, 200 to 699. The HTTP status is 200, except for 429 and 501. */
  statusCode: number;
  /**
   * The `apiCode` in the response body: a number, or a string of digits as in GenAuth's older responses. Default: none.
   */
  apiCode?: number | string;
  /** The `message` in the response body. Default: empty. */
  message?: string;
  /** The `data` in the response body, any JSON value. Default: none. */
  data?: unknown;
  /**
   * Any identifier of an account, for the connections `PASSWORD` and `AD`. Only this account gets the answer. Default:
   * every account gets it.
   */
  account?: string;
  /** The number of sign-ins that get the answer. Default: 1. */
  times?: number;
}

/** A checked sign-in answer. */
export interface PreparedSignInAnswer {
  /** An identifier of the account that gets the answer. `undefined`: every account gets the answer. */
  readonly account: string | undefined;
  /** The response body. */
  readonly envelope: WireEnvelope<unknown>;
}

/**
 * Checks the properties of a sign-in answer.
 *
 * @param path The name of the answer in error messages.
 * @throws EmulatorError with the code `invalid_input` if a property is wrong.
 */
export function readSignInAnswer(input: unknown, path: string): { times: number; answer: PreparedSignInAnswer } {
  const given = readObject(input, path, ['statusCode', 'apiCode', 'message', 'data', 'account', 'times']);
  const statusCode = readInteger(given.get('statusCode'), at(path, 'statusCode'), 200, 699);
  const account = given.has('account') ? readString(given.get('account'), at(path, 'account')) : undefined;
  const envelope = {
    statusCode,
    ...(given.has('apiCode') && { apiCode: readApiCode(given.get('apiCode'), at(path, 'apiCode')) }),
    message: readString(given.get('message') ?? '', at(path, 'message')),
    // The data is copied, because the caller could change the object after the check.
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
