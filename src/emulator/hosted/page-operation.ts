import type { EmulatorRequest, EmulatorResponse, Operation } from '../http/operation.js';
import { OAuthRefusal } from '../oidc/oauth-refusal.js';
import type { EmulatorState } from '../state/state.js';
import { html, renderPage } from './html.js';

/** Wraps the operation of a page. If the operation throws an {@link OAuthRefusal}, the error page is sent. */
export function pageOperation(run: Operation<EmulatorState>): Operation<EmulatorState> {
  return async (state, request) => {
    try {
      return await run(state, request);
    } catch (error) {
      if (error instanceof OAuthRefusal) return renderErrorPage(error, request);
      throw error;
    }
  };
}

/** Builds the page for an error that is not sent to the application. The browser stays at the emulator. */
function renderErrorPage({ status, error, description }: OAuthRefusal, request: EmulatorRequest): EmulatorResponse {
  return renderPage(
    status,
    'The request was refused',
    html`<dl>
      <dt>error</dt>
      <dd id="error">${error}</dd>
      <dt>error_description</dt>
      <dd id="error_description">${description}</dd>
      <dt>request_id</dt>
      <dd id="request_id">${request.requestId}</dd>
    </dl>`,
  );
}
