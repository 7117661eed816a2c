import type { HttpApp } from '../app.ts';
import { DOCS_STYLE, renderDocs } from '../docs/render-docs.ts';
import { apiDocument } from '../openapi.ts';

/** Nothing but its own style sheet is loaded, and nothing is run. */
const POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'";

/** Serves the API's description for people, made of the OpenAPI document; works offline and without scripts. */
export function serveDocs(app: HttpApp): void {
  let page: string | undefined;
  app.get('/docs', (context) => {
    page ??= renderDocs(apiDocument(app));
    return context.html(page, 200, { 'Content-Security-Policy': POLICY });
  });
  app.get('/docs/style.css', (context) => context.body(DOCS_STYLE, 200, { 'Content-Type': 'text/css' }));
}
