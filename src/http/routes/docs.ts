import type { HttpApp } from '../app.ts';
import type { ApiDocument } from '../docs/api-document.ts';
import { DOCS_STYLE, renderDocs } from '../docs/render-docs.ts';
import { API_DESCRIPTION } from '../openapi.ts';

/** Nothing but its own style sheet is loaded, and nothing is run. */
const POLICY = "default-src 'none'; style-src 'self'; frame-ancestors 'none'";

/** Serves the API's description for people, made of the OpenAPI document; works offline and without scripts. */
export function serveDocs(app: HttpApp): void {
  let page: string | undefined;
  app.get('/docs', (context) => {
    page ??= renderDocs(JSON.parse(JSON.stringify(app.getOpenAPI31Document(API_DESCRIPTION))) as ApiDocument);
    return context.html(page, 200, { 'Content-Security-Policy': POLICY });
  });
  app.get('/docs/style.css', (context) => context.body(DOCS_STYLE, 200, { 'Content-Type': 'text/css' }));
}
