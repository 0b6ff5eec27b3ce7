import type { SignInRejection } from '../core/sign-in/outcome.js';
import type { Language } from '../core/options/types.js';

/** The texts for the end user, by the code of the refusal. Error messages for the operator are not in this list. */
export interface Texts extends Record<SignInRejection['kind'], string> {
  /**
   * Text for the code `rejected` with `furtherStep`: GenAuth requires one more step of the sign-in that
   * passport-genauth does not support.
   */
  further_step: string;
  /** Text for a sign-in on GenAuth's hosted page that the user cancelled, or that GenAuth did not allow. */
  sign_in_cancelled: string;
  /** Text for a callback of GenAuth's hosted page that belongs to no sign-in of this browser. */
  sign_in_expired: string;
  upstream_invalid_response: string;
  upstream_unavailable: string;
  configuration_error: string;
  token_missing: string;
  invalid_token: string;
  /** Text for a refresh token that GenAuth refused. */
  sign_in_again: string;
  /** Text for a request without the required scope, role or tenant. */
  forbidden: string;
}

const TEXTS: Readonly<Record<Language, Texts>> = {
  en: {
    invalid_credentials: 'The account or the password is wrong.',
    captcha_required: 'Enter the characters in the image to sign in.',
    mfa_required: 'A second verification step is required to sign in.',
    password_change_required: 'Change your password before you sign in.',
    identity_binding_required: 'Link an identity to your account before you sign in.',
    profile_completion_required: 'Complete your profile before you sign in.',
    account_locked: 'Your account is locked.',
    access_denied: 'Your account is not allowed to sign in here.',
    rate_limited: 'Too many attempts. Try again later.',
    rejected: 'The sign-in was refused.',
    further_step: 'The sign-in requires one more step that is not available here.',
    sign_in_cancelled: 'The sign-in was cancelled, or your account is not allowed to sign in here.',
    sign_in_expired: 'This sign-in has expired. Start the sign-in again.',
    upstream_invalid_response: 'The identity service returned an invalid response.',
    upstream_unavailable: 'The identity service is not available. Try again later.',
    configuration_error: 'This service is not configured correctly. Contact its administrator.',
    token_missing: 'An access token is required.',
    invalid_token: 'The access token is malformed, expired, or not valid for this service.',
    sign_in_again: 'Your session has ended. Sign in again.',
    forbidden: 'You are not allowed to access this resource.',
  },
  zh: {
    invalid_credentials: '账号或密码错误。',
    captcha_required: '请输入图片中的验证码，然后再登录。',
    mfa_required: '请先完成二次验证，然后再登录。',
    password_change_required: '请先修改您的密码，然后再登录。',
    identity_binding_required: '请先为您的账号绑定身份，然后再登录。',
    profile_completion_required: '请先完善您的个人信息，然后再登录。',
    account_locked: '您的账号已被锁定。',
    access_denied: '您的账号无权在此登录。',
    rate_limited: '尝试次数过多，请稍后再试。',
    rejected: '登录被拒绝。',
    further_step: '登录还需要完成一个步骤，但此处不支持该步骤。',
    sign_in_cancelled: '登录已取消，或者您的账号无权在此登录。',
    sign_in_expired: '本次登录已失效，请重新开始登录。',
    upstream_invalid_response: '身份服务返回了无效的响应。',
    upstream_unavailable: '身份服务暂时不可用，请稍后再试。',
    configuration_error: '本服务的配置有误，请联系管理员。',
    token_missing: '请提供访问令牌。',
    invalid_token: '访问令牌格式错误、已过期，或不适用于本服务。',
    sign_in_again: '您的登录状态已失效，请重新登录。',
    forbidden: '您没有权限访问此资源。',
  },
};

/**
 * Returns the texts in the language that a request prefers (RFC 9110 §12.5.4). If the request prefers neither English
 * nor Chinese, the texts are in English.
 *
 * @param configured - The client's option `language`. It overrides the request header `Accept-Language`.
 */
export function getTexts(configured: Language | undefined, acceptLanguage: unknown): Texts {
  return TEXTS[configured ?? parseAcceptLanguage(acceptLanguage)];
}

const LANGUAGES = Object.keys(TEXTS) as Language[];

/** Maximum length of the request header `Accept-Language`, in characters. A longer header is ignored. */
const MAX_ACCEPT_LANGUAGE_LENGTH = 256;

function parseAcceptLanguage(header: unknown): Language {
  if (typeof header !== 'string' || header.length > MAX_ACCEPT_LANGUAGE_LENGTH) return 'en';
  let best: { language: Language; weight: number } = { language: 'en', weight: 0 };
  for (const range of header.split(',')) {
    const [tag = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const language = LANGUAGES.find((each) => tag === each || tag.startsWith(`${each}-`));
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    const weight = quality === undefined ? 1 : Number(quality.slice(2));
    // If two languages have the same weight, the first language wins. A language with `q=0` is excluded.
    if (language !== undefined && weight > best.weight) best = { language, weight };
  }
  return best.language;
}
