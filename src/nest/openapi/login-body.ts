import type { LoginFields } from '../../core/options/types.js';
import { IDENTIFIERS, MAX_IDENTIFIER_LENGTH, MAX_PASSWORD_LENGTH } from '../../core/sign-in/credentials.js';
import { MAX_CAPTCHA_LENGTH } from '../../core/sign-in/sign-in-options.js';
import type { LoginKind } from '../guard-registry.js';

/** The fields of both kinds of logins. */
abstract class LoginFieldsOfBothKinds {
  /** The password: 1 to 1,024 characters. */
  declare password: string;
  /** The text that the user read in the captcha picture, after the code `captcha_required`. */
  declare captchaCode?: string;
  /** The token that came with the captcha picture. */
  declare captchaToken?: string;
}

/**
 * The request body of a password login: `password` and exactly one of `account`, `email`, `username` and `phone`. The
 * class has no decorators of @nestjs/swagger, which is not a dependency: `applyGenAuthSecurity` writes the schema into
 * the OpenAPI document, with the field names of the client's option `fields`.
 *
 * The login guard checks the body before a pipe sees it, and the class has no decorators of class-validator. With
 * `forbidNonWhitelisted` of `ValidationPipe`, write `@ApiBody({ type: GenAuthLoginDto })` in place of `@Body()`.
 *
 * @example
 * ```ts
 * import { Body, Controller, Post, UseGuards } from '@nestjs/common';
 * import { GenAuthPasswordGuard } from 'passport-genauth/nest';
 * import { GenAuthLoginDto } from 'passport-genauth/nest/openapi';
 *
 * @Controller()
 * export class LoginController {
 *   @UseGuards(GenAuthPasswordGuard)
 *   @Post('login')
 *   login(@Body() body: GenAuthLoginDto): string {
 *     return `signed in as ${body.account}`;
 *   }
 * }
 * ```
 */
export class GenAuthLoginDto extends LoginFieldsOfBothKinds {
  /** A username, a phone number or an e-mail address. GenAuth compares the value with all three. */
  declare account?: string;
  /** The e-mail address. */
  declare email?: string;
  /** The username. */
  declare username?: string;
  /** The phone number. */
  declare phone?: string;
}

/**
 * The request body of an Active Directory login: `sAMAccountName` and `password`. In all other respects the class is
 * like {@link GenAuthLoginDto}.
 */
export class GenAuthAdLoginDto extends LoginFieldsOfBothKinds {
  /** The user's logon name in Active Directory: 1 to 256 characters. */
  declare sAMAccountName: string;
}

/** A login with a request body. */
type BodyLogin = Exclude<LoginKind, 'redirect'>;

const CLASS_NAMES: Readonly<Record<BodyLogin, string>> = {
  password: GenAuthLoginDto.name,
  ad: GenAuthAdLoginDto.name,
};

type Schemas = Record<string, unknown>;
/** The part of a client that the schemas depend on. */
interface LoginClient {
  options: { name: string; fields: Readonly<LoginFields> };
}

/**
 * Fills the schemas that @nestjs/swagger leaves empty for `GenAuthLoginDto` and `GenAuthAdLoginDto`, because the
 * classes have no decorators. Uses the field names of the first client.
 */
export function fillLoginSchemas(schemas: Schemas, client: LoginClient): void {
  for (const kind of ['password', 'ad'] as const) {
    const name = CLASS_NAMES[kind];
    if (name in schemas && isEmpty(schemas[name])) schemas[name] = buildLoginSchema(kind, client.options.fields);
  }
}

/**
 * Builds the request body of a login route, and writes its schemas into the components of the document.
 *
 * @param kinds - The kinds of logins that the route accepts.
 */
export function buildLoginBody(schemas: Schemas, client: LoginClient, kinds: readonly LoginKind[]): object {
  const withBody = kinds.filter((kind) => kind !== 'redirect');
  const references = withBody.map((kind) => ({
    $ref: `#/components/schemas/${addLoginSchema(schemas, client, kind)}`,
  }));
  const schema = references.length === 1 ? references[0] : { oneOf: references };
  return { required: true, content: { 'application/json': { schema } } };
}

/**
 * Writes the schema of a login into the components of the document. Returns the name of the component: the name of the
 * class, or `GenAuthLoginDto.staff` for a client `staff` whose fields have other names than those of another client.
 */
function addLoginSchema(schemas: Schemas, { options: { name, fields } }: LoginClient, kind: BodyLogin): string {
  const schema = buildLoginSchema(kind, fields);
  const className = CLASS_NAMES[kind];
  const isOther = className in schemas && !isEmpty(schemas[className]) && !hasFieldsOf(schemas[className], schema);
  const component = isOther ? `${className}.${name}` : className;
  schemas[component] = schema;
  return component;
}

function isEmpty(schema: unknown): boolean {
  return listProperties(schema).length === 0;
}

function hasFieldsOf(schema: unknown, other: object): boolean {
  return listProperties(schema).join() === listProperties(other).join();
}

function listProperties(schema: unknown): string[] {
  return Object.keys((schema as { properties?: object } | undefined)?.properties ?? {});
}

function buildLoginSchema(kind: BodyLogin, fields: Readonly<LoginFields>): object {
  const text = (maxLength: number, description: string): object => {
    return { type: 'string', minLength: 1, maxLength, description };
  };
  const identifiers: readonly (keyof typeof DESCRIPTIONS)[] = kind === 'ad' ? ['sAMAccountName'] : IDENTIFIERS;
  return {
    type: 'object',
    properties: {
      ...Object.fromEntries(
        identifiers.map((name) => [fields[name], text(MAX_IDENTIFIER_LENGTH, DESCRIPTIONS[name])] as const),
      ),
      [fields.password]: { ...text(MAX_PASSWORD_LENGTH, 'The password.'), format: 'password' },
      [fields.captchaCode]: text(MAX_CAPTCHA_LENGTH, 'The text that the user read in the captcha picture.'),
      [fields.captchaToken]: text(MAX_CAPTCHA_LENGTH, 'The token that came with the captcha picture.'),
    },
    required: [...(kind === 'ad' ? [fields.sAMAccountName] : []), fields.password],
    // Without this member a body of an Active Directory login would also match the schema of a password login.
    ...(kind === 'password' && { oneOf: identifiers.map((name) => ({ required: [fields[name]] })) }),
  };
}

const DESCRIPTIONS = {
  account: 'A username, a phone number or an e-mail address.',
  email: 'The e-mail address.',
  username: 'The username.',
  phone: 'The phone number.',
  sAMAccountName: "The user's logon name in Active Directory.",
};
