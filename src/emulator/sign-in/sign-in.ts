import { isObject } from '../input/readers.js';
import { authenticateClient } from '../oidc/client-authentication.js';
import { isFromForeignPage } from '../control/caller.js';
import type { Grant } from '../tokens/issued-tokens.js';
import { mask } from './masking.js';
import { checkAdmission } from './admission.js';
import { type EmulatorRequest, type EmulatorResponse, envelope } from '../http/operation.js';
import { malformed, Refusal } from './refusal.js';
import { ANSWERS } from './answers.js';
import { identify } from './identify.js';
import { readSignIn } from './request.js';
import type { RecordedOutcome, SignInRecord } from '../state/journal.js';
import { buildScheme } from '../options.js';
import type { EmulatorState } from '../state/state.js';
import { issueTokens } from '../tokens/issue-tokens.js';
import { IDENTIFIERS } from '../users/user-store.js';

/**
 * Answers `POST /api/v3/signin` for the connections `PASSWORD` and `AD` (GenAuth docs: Login with Account Password,
 * Login with AD Account). The emulator intentionally differs from GenAuth in one point: a request body that does not
 * match GenAuth's schema is always refused.
 */
export async function signIn(state: EmulatorState, request: EmulatorRequest): Promise<EmulatorResponse> {
  try {
    const grant = await authenticate(state, request);
    const withRefreshToken = grant.scopes.includes('offline_access');
    const tokens = await issueTokens(state, grant, { scopes: grant.scopes, withRefreshToken });
    state.journal.add(describeSignIn(request, 'success'));
    return envelope(request, { statusCode: 200, message: '', data: tokens });
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    state.journal.add(describeSignIn(request, error.outcome));
    return envelope(request, error.answer);
  }
}

/**
 * Builds the journal record of a sign-in. The request body can have any form. The record contains no password: secrets
 * in `options` are masked.
 */
export function describeSignIn({ body, requestId }: EmulatorRequest, outcome: RecordedOutcome): SignInRecord {
  const signInBody = isObject(body) ? body : {};
  const connection = signInBody['connection'];
  const payload = signInBody[connection === 'AD' ? 'adPayload' : 'passwordPayload'];
  const names = connection === 'AD' ? ['sAMAccountName'] : IDENTIFIERS;
  const identifiers = isObject(payload) ? names.map((name) => payload[name]) : [];
  const options = signInBody['options'];
  const secrets = [signInBody, signInBody['passwordPayload'], signInBody['adPayload']].flatMap(listSecrets);
  const sent = mask(isObject(options) ? options : {}, secrets) as Record<string, unknown>;
  return {
    connection: stringOrNull(connection),
    account: stringOrNull(identifiers.find((identifier) => typeof identifier === 'string')),
    clientIp: stringOrNull(sent['clientIp']),
    context: sent['context'] ?? null,
    options: sent,
    requestId,
    outcome,
  };
}

function listSecrets(container: unknown): string[] {
  const { password, client_secret: secret } = isObject(container) ? container : {};
  return [password, secret].filter((value) => typeof value === 'string');
}

function stringOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** Checks a sign-in in this order: type of the request body, client authentication, properties of the body, user. */
async function authenticate(state: EmulatorState, request: EmulatorRequest): Promise<Grant> {
  const { body } = request;
  const { ad, allowRemote, tls } = state.config;
  // The default application secret is public, so a web page in the developer's browser could test passwords against the
  // directory. With `allowRemote` this check is not needed, because the emulator requires an application secret that is
  // not the default.
  if (ad && !allowRemote && isFromForeignPage(buildScheme({ tls }), request.headers)) {
    throw new Refusal('client_authentication_failed', ANSWERS.closedToPages);
  }
  if (!isObject(body)) throw malformed('The body must be a JSON object.');

  const client = authenticateClient(state.config, request, body);
  if (client === 'app_not_found') throw new Refusal(client, ANSWERS.appNotFound);
  if (client !== 'ok') throw new Refusal(client, ANSWERS.clientAuthenticationFailed);

  const signInRequest = readSignIn(body);
  const tenantId = signInRequest.options.tenantId ?? '';
  const account = await identify(state, signInRequest);
  await checkAdmission(state, account, tenantId);
  return { account, scopes: signInRequest.scopes, tenantId, revoked: false };
}
