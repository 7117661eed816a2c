/**
 * What may be read without a key, below the path where the app is mounted: whether the service lives and is ready, and the
 * description of its interface. No data is in any of them.
 */
export const PUBLIC_PATHS: ReadonlySet<string> = new Set([
  '/health',
  '/ready',
  '/openapi.json',
  '/docs',
  '/docs/style.css',
]);
