import { createHash } from 'node:crypto';
import type { EmulatorResponse } from '../http/operation.js';

/** A piece of HTML. Only {@link html} and {@link trusted} create it, so every other text is escaped. */
class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}
export type { Html };

type Part = string | Html | readonly Html[] | undefined;

/** A template tag that escapes every inserted text. Inserted {@link Html} is kept, and `undefined` inserts nothing. */
export function html(literals: TemplateStringsArray, ...parts: readonly Part[]): Html {
  return new Html(String.raw({ raw: literals }, ...parts.map(show)));
}

/** Marks a text as HTML. The text must not contain input of a request. */
export function trusted(text: string): Html {
  return new Html(text);
}

function show(part: Part): string {
  if (part === undefined) return '';
  if (typeof part === 'string') return part.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
  return part instanceof Html ? part.text : part.map(({ text }) => text).join('');
}

const STYLE = `
  body { font: 16px/1.5 system-ui, sans-serif; max-width: 24rem; margin: 3rem auto; padding: 0 1rem; }
  label, input, button { display: block; box-sizing: border-box; width: 100%; margin: .5rem 0; }
  input, button { font: inherit; padding: .4rem; }
  input[type=radio], input[type=radio] + label { display: inline; width: auto; }
  [role=alert] { color: #b00020; }
  #tab-password:checked ~ #ad, #tab-ad:checked ~ #password { display: none; }
`;

/**
 * The headers of a page. The page loads nothing and runs no script. The policy has no `form-action`, because Chromium
 * applies it to the redirects after a form too, and the application may redirect to any address.
 */
const HEADERS: Readonly<Record<string, string>> = {
  'cache-control': 'no-store',
  'content-security-policy':
    `default-src 'none'; style-src 'sha256-${createHash('sha256').update(STYLE).digest('base64')}'; ` +
    "base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

/** Builds the response with a page of the hosted sign-in. */
export function renderPage(status: number, title: string, content: Html): EmulatorResponse {
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width" />
        <title>${title}</title>
        ${trusted(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <h1>${title}</h1>
        ${content}
      </body>
    </html> `;
  return { status, headers: HEADERS, body: page.text };
}
