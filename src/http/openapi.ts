import type { HttpApp } from './app.ts';

/** Serves the OpenAPI document of everything that the app routes. */
export function describeApi(app: HttpApp): void {
  app.doc31('/openapi.json', {
    openapi: '3.1.0',
    info: {
      title: 'Syncline',
      version: '1',
      description: 'Keeps LanceDB vector tables in line with your data.',
      license: { name: 'MIT' },
    },
    // Resolved against the document's own address: right wherever the app is mounted.
    servers: [{ url: './' }],
  });
}
