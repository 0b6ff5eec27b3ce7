import type { WireEnvelope } from '../../core/wire/facts.js';
import { at, readInteger, readJson, readObject, readString } from '../input/readers.js';
import { invalid } from '../errors.js';
import { readTimes } from './repeat-queue.js';

/** An answer that replaces that of a sign-in. With it, a test can ask for any of GenAuth's codes. */
export interface EmulatorSignInAnswer {
  /** GenAuth's `statusCode`, 200 to 699. The HTTP status stays 200, but for 429 and 501. */
  statusCode: number;
  /** GenAuth's `apiCode`: a number, or as in its older answers a string of digits. Default: none. */
  apiCode?: number | string;
  /** Default: empty. */
  message?: string;
  /** `data` of the envelope, as JSON can hold it. Default: none. */
  data?: unknown;
  /** The only account that gets it, by any of its identifiers, for PASSWORD and AD alike. Default: every account. */
  account?: string;
  /** How many sign-ins get it. Default 1. */
  times?: number;
}

/** An answer, checked and ready to be given. */
export interface PreparedSignInAnswer {
  readonly account: string | undefined;
  readonly envelope: WireEnvelope<unknown>;
}

/**
 * @param path what the answer is called in messages
 * @throws EmulatorError `invalid_input`
 */
export function readSignInAnswer(input: unknown, path: string): { times: number; answer: PreparedSignInAnswer } {
  const given = readObject(input, path, ['statusCode', 'apiCode', 'message', 'data', 'account', 'times']);
  const statusCode = readInteger(given.get('statusCode'), at(path, 'statusCode'), 200, 699);
  const account = given.has('account') ? readString(given.get('account'), at(path, 'account')) : undefined;
  const envelope = {
    statusCode,
    ...(given.has('apiCode') && { apiCode: readApiCode(given.get('apiCode'), at(path, 'apiCode')) }),
    message: readString(given.get('message') ?? '', at(path, 'message')),
    // A copy: the caller's object may change after it was checked.
    ...(given.has('data') && { data: JSON.parse(readJson(given.get('data'), at(path, 'data'))) as unknown }),
  };
  return { times: readTimes(given.get('times') ?? 1, at(path, 'times')), answer: { account, envelope } };
}

function readApiCode(value: unknown, path: string): number | string {
  const isCode =
    typeof value === 'string' ? /^\d{1,16}$/.test(value) : Number.isSafeInteger(value) && Number(value) >= 0;
  if (isCode) return value as number | string;
  throw invalid(path, 'a whole number, or one in a string', value);
}
