import type { HttpApp } from './app.ts';
import { registerFilter } from './schemas/filter.ts';

/** What the OpenAPI document says besides the routes. */
export const API_DESCRIPTION = {
  openapi: '3.1.0',
  info: {
    title: 'Syncline',
    version: '1',
    description:
      'Keeps LanceDB vector tables in line with your data. Errors are problems by RFC 9457 with a stable `code`; lists come in ' +
      'pages; long work answers 202 with a task to watch. Keys are needed where the server was given some.',
    license: { name: 'MIT', url: 'https://opensource.org/license/mit' },
  },
  // Resolved against the document's own address: right wherever the app is mounted.
  servers: [{ url: './' }],
  security: [{ bearer: [] }, { apiKey: [] }],
  tags: [
    { name: 'Datasets', description: 'What is searched and processed together, grouped in projects' },
    { name: 'Documents', description: 'What a dataset is made of' },
    { name: 'Search' },
    { name: 'Indexing', description: 'Doing what waits, and what was given up' },
    { name: 'Tables', description: 'Checking, repairing and replacing the table of a dataset' },
    { name: 'Tasks', description: 'Long work that somebody asked for' },
    { name: 'Runtime' },
    { name: 'Actors', description: 'What the state machines do, and controlling them' },
    { name: 'Events', description: 'What happens, as it happens' },
    { name: 'Health', description: 'For those who watch over the service' },
  ],
};

/** Serves the OpenAPI document of everything that the app routes. */
export function describeApi(app: HttpApp): void {
  const { openAPIRegistry: registry } = app;
  registerFilter(registry);
  registry.registerComponent('securitySchemes', 'bearer', { type: 'http', scheme: 'bearer' });
  registry.registerComponent('securitySchemes', 'apiKey', {
    type: 'apiKey',
    in: 'header',
    name: 'X-API-Key',
  });
  app.doc31('/openapi.json', API_DESCRIPTION);
}
