import type { SignInRejection } from '../core/sign-in/outcome.js';
import { LANGUAGES, type Language } from '../core/options/types.js';

/** What the person reads. Everything else is for the operator and stays in the log and the event. */
export interface Texts extends Record<SignInRejection['kind'], string> {
  /** With `rejected`: GenAuth wants a step that is not offered here. */
  further_step: string;
  upstream_invalid_response: string;
  upstream_unavailable: string;
  configuration_error: string;
  token_missing: string;
  invalid_token: string;
  /** A refresh token is not taken any more. */
  sign_in_again: string;
  /** A scope, a role or the tenant is missing. */
  forbidden: string;
}

const TEXTS: Readonly<Record<Language, Texts>> = {
  en: {
    invalid_credentials: 'The account or the password is wrong.',
    captcha_required: 'Enter the characters of the picture to sign in.',
    mfa_required: 'A second factor is needed to sign in.',
    password_change_required: 'The password must be changed before signing in.',
    identity_binding_required: 'The account must be bound to an identity before signing in.',
    profile_completion_required: 'The profile must be completed before signing in.',
    account_locked: 'The account is locked.',
    access_denied: 'This account may not sign in here.',
    rate_limited: 'Too many attempts. Try again later.',
    rejected: 'The sign-in was refused.',
    further_step: 'One more step is needed to sign in, which is not offered here.',
    upstream_invalid_response: 'The identity service gave an unusable answer.',
    upstream_unavailable: 'The identity service cannot be reached. Try again later.',
    configuration_error: 'The service is not set up correctly.',
    token_missing: 'An access token is needed.',
    invalid_token: 'The access token is malformed, expired, or not for this service.',
    sign_in_again: 'Your session has ended. Sign in again.',
    forbidden: 'You do not have access to this.',
  },
  zh: {
    invalid_credentials: '账号或密码错误。',
    captcha_required: '请输入图片中的验证码后登录。',
    mfa_required: '登录需要进行二次认证。',
    password_change_required: '请先修改密码，然后再登录。',
    identity_binding_required: '请先绑定身份，然后再登录。',
    profile_completion_required: '请先补全个人信息，然后再登录。',
    account_locked: '账号已被锁定。',
    access_denied: '该账号无权在此登录。',
    rate_limited: '尝试次数过多，请稍后再试。',
    rejected: '登录被拒绝。',
    further_step: '登录还需要完成一个步骤，此处无法提供。',
    upstream_invalid_response: '身份服务返回了无法使用的结果。',
    upstream_unavailable: '暂时无法连接身份服务，请稍后再试。',
    configuration_error: '服务配置有误。',
    token_missing: '需要访问令牌。',
    invalid_token: '访问令牌格式错误、已过期，或不适用于本服务。',
    sign_in_again: '登录状态已失效，请重新登录。',
    forbidden: '您没有访问权限。',
  },
};

/**
 * The texts in the language that a request prefers (RFC 9110 §12.5.4), English where it prefers neither.
 *
 * @param configured - The option `language`, which settles it.
 */
export function getTexts(configured: Language | undefined, acceptLanguage: unknown): Texts {
  return TEXTS[configured ?? parseAcceptLanguage(acceptLanguage)];
}

const MAX_ACCEPT_LANGUAGE_LENGTH = 256;

function parseAcceptLanguage(header: unknown): Language {
  if (typeof header !== 'string' || header.length > MAX_ACCEPT_LANGUAGE_LENGTH) return 'en';
  let best: { language: Language; weight: number } = { language: 'en', weight: 0 };
  for (const range of header.split(',')) {
    const [tag = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const language = LANGUAGES.find((each) => tag === each || tag.startsWith(`${each}-`));
    const quality = parameters.find((parameter) => parameter.startsWith('q='));
    const weight = quality === undefined ? 1 : Number(quality.slice(2));
    // The first of equals wins; `q=0` means "not this one".
    if (language !== undefined && weight > best.weight) best = { language, weight };
  }
  return best.language;
}
