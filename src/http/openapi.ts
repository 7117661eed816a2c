import type { HttpApp } from './app.ts';
import type { ApiDocument, ApiParameter } from './docs/api-document.ts';
import { registerFilter } from './schemas/filter.ts';

/** A caller shows one of these. Typed by hand: without `exactOptionalPropertyTypes`, as Deno checks, the inferred type does not fit. */
const SECURITY: Record<string, string[]>[] = [{ bearer: [] }, { apiKey: [] }];

/** What the OpenAPI document says besides the routes. */
const API_DESCRIPTION = {
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
  security: SECURITY,
  tags: [
    { name: 'Datasets', description: 'What is searched and processed together, grouped in projects' },
    { name: 'Documents', description: 'What a dataset is made of' },
    { name: 'Search' },
    { name: 'Indexing', description: 'Doing what waits, and what was given up' },
    { name: 'Tables', description: 'Checking, repairing and replacing the table of a dataset' },
    { name: 'Batch jobs', description: 'Work handed to providers at half the price' },
    { name: 'Costs', description: 'What embedding costs and may cost, and what has no vector' },
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
  let document: ApiDocument | undefined;
  app.get('/openapi.json', (context) => {
    document ??= apiDocument(app);
    return context.json(document, 200);
  });
}

/** Taken by middleware, before any route: routes do not name it. */
const IDEMPOTENCY_KEY: ApiParameter = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description:
    'Carries the request out once: sent again with the same key, it gets the answer of the first; another request with it is refused (`IDEMPOTENCY_KEY_REUSED`).',
  schema: { type: 'string', minLength: 1, maxLength: 255 },
};

/** The OpenAPI document of everything that an app routes. */
export function apiDocument(app: HttpApp): ApiDocument {
  const document = JSON.parse(JSON.stringify(app.getOpenAPI31Document(API_DESCRIPTION))) as ApiDocument;
  const paths = Object.entries(document.paths).map(([path, methods]) => {
    const operations = Object.entries(methods).map(([method, operation]) => {
      const isWrite = path.startsWith('/v1/') && (method === 'post' || method === 'delete');
      const parameters = [...(operation.parameters ?? []), ...(isWrite ? [IDEMPOTENCY_KEY] : [])];
      return [method, { ...operation, parameters }];
    });
    return [path, Object.fromEntries(operations)];
  });
  return { ...document, paths: Object.fromEntries(paths) };
}
