import type { RequestHandler } from 'express';

/**
 * The Content Security Policy of the page. The page loads only its own files and the picture of the captcha, and no
 * other page may show it in a frame. Without its script the form sends nothing (`form-action`).
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Sets the headers that protect the page. */
export const setPageHeaders: RequestHandler = (_req, res, next) => {
  res.setHeader('content-security-policy', POLICY);
  res.setHeader('x-content-type-options', 'nosniff');
  next();
};
