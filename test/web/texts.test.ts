import { type Texts, getTexts } from '../../src/web/texts.js';

const EN = getTexts('en', undefined);
const ZH = getTexts('zh', undefined);
/** The language of the texts for a request, without the option `language`. */
const choose = (header: unknown): string => ['en', 'zh'][[EN, ZH].indexOf(getTexts(undefined, header))] ?? 'another';

// The sentences of the responses. A change of a text changes this table. A new text does not compile without a row.
const SENTENCES: Readonly<Record<keyof Texts, readonly [en: string, zh: string]>> = {
  invalid_credentials: ['The account or the password is wrong.', '账号或密码错误。'],
  captcha_required: ['Enter the characters in the image to sign in.', '请输入图片中的验证码，然后再登录。'],
  mfa_required: ['A second verification step is required to sign in.', '请先完成二次验证，然后再登录。'],
  password_change_required: ['Change your password before you sign in.', '请先修改您的密码，然后再登录。'],
  identity_binding_required: [
    'Link an identity to your account before you sign in.',
    '请先为您的账号绑定身份，然后再登录。',
  ],
  profile_completion_required: ['Complete your profile before you sign in.', '请先完善您的个人信息，然后再登录。'],
  account_locked: ['Your account is locked.', '您的账号已被锁定。'],
  access_denied: ['Your account is not allowed to sign in here.', '您的账号无权在此登录。'],
  rate_limited: ['Too many attempts. Try again later.', '尝试次数过多，请稍后再试。'],
  rejected: ['The sign-in was refused.', '登录被拒绝。'],
  further_step: [
    'The sign-in requires one more step that is not available here.',
    '登录还需要完成一个步骤，但此处不支持该步骤。',
  ],
  sign_in_cancelled: [
    'The sign-in was cancelled, or your account is not allowed to sign in here.',
    '登录已取消，或者您的账号无权在此登录。',
  ],
  sign_in_expired: ['This sign-in has expired. Start the sign-in again.', '本次登录已失效，请重新开始登录。'],
  upstream_invalid_response: ['The identity service returned an invalid response.', '身份服务返回了无效的响应。'],
  upstream_unavailable: ['The identity service is not available. Try again later.', '身份服务暂时不可用，请稍后再试。'],
  configuration_error: [
    'This service is not configured correctly. Contact its administrator.',
    '本服务的配置有误，请联系管理员。',
  ],
  token_missing: ['An access token is required.', '请提供访问令牌。'],
  invalid_token: [
    'The access token is malformed, expired, or not valid for this service.',
    '访问令牌格式错误、已过期，或不适用于本服务。',
  ],
  sign_in_again: ['Your session has ended. Sign in again.', '您的登录状态已失效，请重新登录。'],
  forbidden: ['You are not allowed to access this resource.', '您没有权限访问此资源。'],
};

it('has one text of each name in English and in Chinese', () => {
  const pairs = Object.entries(EN).map(([name, text]) => [name, [text, ZH[name as keyof Texts]]]);
  expect(Object.fromEntries(pairs)).toEqual(SENTENCES);
});

it.each<[header: unknown, language: 'en' | 'zh']>([
  [undefined, 'en'],
  ['zh', 'zh'],
  ['ZH-cn', 'zh'],
  ['en-US,en;q=0.9,zh-CN;q=0.8,zh;q=0.7', 'en'],
  ['de-CH, de;q=0.9, zh;q=0.5, en;q=0.3', 'zh'],
  ['en, zh', 'en'],
  ['zh;q=0.5, en;q=0.5', 'zh'],
  ['en;q=0.5, zh;q=1', 'zh'],
  ['zh;q=0, *', 'en'],
  ['zh;Q=0.1, en;Q=0.2', 'en'],
  [' zh ; q=0.8 ,\ten ; q=0.7 ', 'zh'],
  ['zh;level=1;q=0.1, en;q=0.2', 'en'],
  ['de,,,;;;q=1,zh', 'zh'],
  ['zh;q=x', 'en'],
  ['zhong', 'en'],
  ['__proto__', 'en'],
  [['zh', 'en'], 'en'],
])('the language for Accept-Language of %j is %s', (header, language) => {
  expect(choose(header)).toBe(language);
});

it('the language for Accept-Language is read from a header of 256 characters, not of 257', () => {
  const header = `de,${' '.repeat(251)}zh`;
  expect([choose(header), choose(` ${header}`)]).toEqual(['zh', 'en']);
});

it.each([
  ['en', 'zh', EN],
  ['zh', 'en', ZH],
] as const)('the option language %s decides, not %s of the header', (language, header, texts) => {
  expect(getTexts(language, header)).toBe(texts);
});
