/**
 * What may be read without a key, below the path where the app is mounted: whether the service lives and is ready, the
 * description of its interface, and the pages of the dashboard. No data is in any of them.
 */
const PUBLIC_PATHS: ReadonlySet<string> = new Set([
  '',
  '/',
  '/health',
  '/ready',
  '/openapi.json',
  '/docs',
  '/docs/style.css',
]);

/** Whether `path`, which begins with a slash or is empty, may be read without a key. */
export function isPublicPath(path: string): boolean {
  return PUBLIC_PATHS.has(path) || /^\/assets\/[^/]+$/.test(path);
}
