import { randomBytes, randomInt } from 'node:crypto';
import type { WireCaptcha } from '../../core/wire/facts.js';
import { BoundedMap } from './bounded-map.js';

const LIFETIME_MS = 5 * 60_000;

/** The maximum number of unused captchas. If there are more, the oldest captcha is deleted. */
const MAX_OPEN = 1000;

/** The characters that a captcha code can contain. 0, O, 1, I and L are not included, because they look alike. */
const CHARACTERS = '23456789ABCDEFGHJKMNPQRSTUVWXYZ';
const LENGTH = 4;

/** A captcha that is not used yet. */
export interface EmulatorCaptcha {
  /** The token that the client sends with the code. */
  captchaToken: string;
  /** The code in the image. */
  captchaCode: string;
  /** The image, as the client received it. */
  captchaCodeSvg: string;
  /** The real time at which the captcha expires, in ISO 8601. */
  expiresAt: string;
}

/** Stores the captchas that are not used yet. Each captcha can be used once, within 5 minutes. */
export class Captchas {
  readonly #open = new BoundedMap<{ readonly token: string; readonly code: string; readonly until: number }>(MAX_OPEN);

  /** Creates a captcha: its image and its token. */
  create(): WireCaptcha {
    const captchaToken = randomBytes(16).toString('base64url');
    const code = Array.from({ length: LENGTH }, () => CHARACTERS.charAt(randomInt(CHARACTERS.length))).join('');
    this.#open.set(captchaToken, { token: captchaToken, code, until: Date.now() + LIFETIME_MS });
    return { captchaCodeSvg: draw(code), captchaToken };
  }

  /**
   * Returns whether `code` is the code of the captcha with this token. Upper and lower case are not distinguished. The
   * captcha is deleted even if `code` is wrong, so there is no second attempt.
   */
  redeem(token: string, code: string): boolean {
    const captcha = this.#open.get(token);
    this.#open.delete(token);
    return captcha !== undefined && Date.now() < captcha.until && captcha.code === code.toUpperCase();
  }

  /** The captchas that are neither used nor expired, newest first. */
  get open(): EmulatorCaptcha[] {
    return [...this.#open.values()]
      .filter(({ until }) => Date.now() < until)
      .reverse()
      .map(({ token, code, until }) => ({
        captchaToken: token,
        captchaCode: code,
        captchaCodeSvg: draw(code),
        expiresAt: new Date(until).toISOString(),
      }));
  }

  clear(): void {
    this.#open.clear();
  }
}

/** Draws the code as text in an SVG image, so that tests can read it. The image does not protect against programs. */
function draw(code: string): string {
  return [
    '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40" viewBox="0 0 120 40">',
    '<rect width="120" height="40" fill="#f2f2f2"/>',
    `<text x="60" y="28" text-anchor="middle" font-family="monospace" font-size="24">${code}</text>`,
    '</svg>',
  ].join('');
}
