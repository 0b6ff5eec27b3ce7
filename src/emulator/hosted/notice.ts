import type { WireCaptcha } from '../../core/wire/facts.js';

/** What a page shows above its form. */
export interface Notice {
  readonly text: string;
  /** Whether the text is information and not an error. */
  readonly isInfo?: boolean;
  /** The captcha that the next attempt requires. */
  readonly captcha?: WireCaptcha;
  /** The form of the sign-in page from which the request came. Default: `PASSWORD`. */
  readonly connection?: 'PASSWORD' | 'AD';
}
