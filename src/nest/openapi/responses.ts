/** The name of the schema of a refusal in the components of an OpenAPI document. */
export const REFUSAL = 'GenAuthRefusal';

/** The schema of `RefusalBody`, the JSON body of the response to a refused request. */
export const REFUSAL_SCHEMA = {
  type: 'object',
  required: ['statusCode', 'error', 'message', 'code'],
  properties: {
    statusCode: { type: 'integer' },
    error: { type: 'string', description: 'The reason phrase of the status.' },
    message: { type: 'string', description: 'Text for the end user.' },
    code: { type: 'string', description: 'Stable code for programs.' },
    requestId: { type: 'string', description: "The request ID of GenAuth's response to the sign-in." },
    next: {
      type: 'object',
      description: 'Where the user can complete the sign-in.',
      required: ['kind', 'url'],
      properties: { kind: { type: 'string', enum: ['redirect'] }, url: { type: 'string' } },
    },
    applicationMfa: {
      type: 'array',
      description: 'With the code mfa_required: the second factors from which the user can choose.',
      items: {
        type: 'object',
        required: ['mfaPolicy', 'status', 'sort'],
        properties: { mfaPolicy: { type: 'string' }, status: { type: 'integer' }, sort: { type: 'integer' } },
      },
    },
    furtherStep: { type: 'boolean', description: 'Whether the sign-in has one more step that has no code.' },
    apiCode: { type: 'integer', description: "GenAuth's number for the reason of the refusal." },
    remainingAttempts: { type: 'integer', description: 'The sign-in attempts before the account is locked.' },
  },
};

type Responses = Record<string, unknown>;

const RETRY_AFTER = { 'Retry-After': { description: 'Seconds until the next attempt.', schema: { type: 'integer' } } };
const CHALLENGE = { 'WWW-Authenticate': { description: 'As in RFC 6750 §3.', schema: { type: 'string' } } };
const FAILURES: Responses = {
  500: buildResponse('The server or its configuration is wrong.'),
  502: buildResponse('A response of GenAuth cannot be used.'),
  503: buildResponse('GenAuth or the network is down.', RETRY_AFTER),
};
const LOGIN_RESPONSES: Responses = {
  400: buildResponse('The body cannot be read, or a credential is missing or malformed.'),
  401: buildResponse('The credentials are wrong.'),
  403: buildResponse('The user must complete one more step, or may not sign in.'),
  429: buildResponse('There were too many attempts.', RETRY_AFTER),
  ...FAILURES,
};

const REDIRECT_RESPONSES: Responses = {
  302: { description: "The sign-in continues on GenAuth's hosted page." },
  400: buildResponse('The callback belongs to no sign-in of this browser.'),
  403: buildResponse('The user cancelled the sign-in, or may not sign in.'),
  ...FAILURES,
};

/**
 * Returns the refusals of a login route, by status.
 *
 * @param isRedirect - Whether the route belongs to a sign-in on GenAuth's hosted page.
 */
export function buildLoginResponses(isRedirect: boolean): Responses {
  return structuredClone(isRedirect ? REDIRECT_RESPONSES : LOGIN_RESPONSES);
}

/**
 * Returns the refusals of a guarded route, by status.
 *
 * @param isOptional - Whether a request without an access token also passes.
 * @param conditions - The kinds of requirements that a valid access token must meet: `scope`, `role`, `tenant`.
 * @param resolvesUser - Whether the client has the option `resolveUser`, which can refuse the user.
 */
export function buildGuardResponses(
  isOptional: boolean,
  conditions: readonly string[],
  resolvesUser: boolean,
): Responses {
  // The OpenAPI document is often public, so it does not name roles and tenants. The required scopes are in `security`.
  const reasons = [
    ...(conditions.length > 0 ? [`it lacks the required ${conditions.join(' or ')}`] : []),
    ...(resolvesUser ? ['the application refuses the user'] : []),
  ];
  return structuredClone({
    401: buildResponse(isOptional ? 'The token is not valid.' : 'The request has no valid token.', CHALLENGE),
    ...(reasons.length > 0 && {
      403: buildResponse(`The token is valid, but ${reasons.join(', or ')}.`, conditions.length > 0 ? CHALLENGE : {}),
    }),
    ...FAILURES,
  });
}

function buildResponse(description: string, headers: object = {}): object {
  return {
    description,
    ...(Object.keys(headers).length > 0 && { headers }),
    content: { 'application/json': { schema: { $ref: `#/components/schemas/${REFUSAL}` } } },
  };
}
