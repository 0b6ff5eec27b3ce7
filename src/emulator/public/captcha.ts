import { envelope, type Operation } from '../http/operation.js';
import type { EmulatorState } from '../state/state.js';

/** Answers `GET /api/v3/get-captcha-code` with a new captcha (GetCaptchaCodeDataDto). */
export const getCaptcha: Operation<EmulatorState> = ({ captchas }, request) =>
  envelope(request, { statusCode: 200, message: '', data: captchas.create() });
