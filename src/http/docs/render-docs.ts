import type { ApiDocument, ApiOperation, ApiParameter } from './api-document.ts';
import { code, escapeHtml, prose } from './html.ts';
import { renderNamedSchema, renderType } from './render-schema.ts';

/** The whole description of an API as one page, without scripts and without anything from elsewhere. */
export function renderDocs(document: ApiDocument): string {
  const { info, tags = [] } = document;
  const operations = operationsOf(document);
  const groups = [...tags.map(({ name }) => name), undefined].flatMap((tag) => {
    const known = tags.map(({ name }) => name);
    const own = operations.filter(
      ({ operation }) => operation.tags?.find((name) => known.includes(name)) === tag,
    );
    return own.length === 0 ? [] : [{ tag: tag ?? 'Other', own }];
  });
  const contents = groups.map(
    ({ tag, own }) =>
      `<li><a href="#tag-${escapeHtml(tag)}">${escapeHtml(tag)}</a><ul>${own.map(contentsLine).join('')}</ul></li>`,
  );
  const sections = groups.map(({ tag, own }) => {
    const about = tags.find(({ name }) => name === tag)?.description;
    return `<section id="tag-${escapeHtml(tag)}"><h2>${escapeHtml(tag)}</h2>${about === undefined ? '' : prose(about)}${own.map(renderOperation).join('')}</section>`;
  });
  const schemas = Object.entries(document.components?.schemas ?? {}).map(([name, schema]) =>
    renderNamedSchema(name, schema),
  );
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escapeHtml(info.title)}: REST API</title><link rel="stylesheet" href="docs/style.css"></head>
<body><header><h1>${escapeHtml(info.title)}: REST API</h1>${prose(info.description ?? '')}
<p>For programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p></header>
<nav><ul>${contents.join('')}<li><a href="#schemas">Schemas</a></li></ul></nav>
<main>${sections.join('')}<section id="schemas"><h2>Schemas</h2>${schemas.join('')}</section></main></body></html>`;
}

interface PlacedOperation {
  readonly method: string;
  readonly path: string;
  readonly id: string;
  readonly operation: ApiOperation;
}

function operationsOf({ paths }: ApiDocument): PlacedOperation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({
      method: method.toUpperCase(),
      path,
      id: operation.operationId ?? `${method}-${path}`,
      operation,
    })),
  );
}

function contentsLine({ id, operation, method, path }: PlacedOperation): string {
  return `<li><a href="#${escapeHtml(id)}">${escapeHtml(operation.summary ?? `${method} ${path}`)}</a></li>`;
}

function renderOperation({ method, path, id, operation }: PlacedOperation): string {
  const { summary = '', description, parameters = [], requestBody, responses } = operation;
  const bodies = Object.entries(requestBody?.content ?? {}).map(
    ([type, { schema }]) => `<tr><th>${code(type)}</th><td>${renderType(schema)}</td></tr>`,
  );
  const answers = Object.entries(responses).map(([status, answer]) => {
    const types = Object.values(answer.content ?? {}).map(({ schema }) => renderType(schema));
    return `<tr><th>${escapeHtml(status)}</th><td>${prose(answer.description)}${types.join('')}</td></tr>`;
  });
  return `<article id="${escapeHtml(id)}"><h3><b>${method}</b> ${code(path)}</h3>${prose(summary)}${description === undefined ? '' : prose(description)}
${parameters.length === 0 ? '' : `<h4>Parameters</h4><table>${parameters.map(renderParameter).join('')}</table>`}
${bodies.length === 0 ? '' : `<h4>Body</h4><table>${bodies.join('')}</table>`}
<h4>Answers</h4><table>${answers.join('')}</table></article>`;
}

function renderParameter(parameter: ApiParameter): string {
  const { name, required, description, schema } = parameter;
  const about = description ?? schema?.description;
  return `<tr><th>${code(name)} <i>${escapeHtml(parameter.in)}${required ? '' : ', optional'}</i></th><td>${renderType(schema)}${about === undefined ? '' : prose(about)}</td></tr>`;
}

/** Of the page of {@link renderDocs}. */
export const DOCS_STYLE = `
:root { color-scheme: light dark; font: 15px/1.5 system-ui, sans-serif; }
body { max-width: 70rem; margin: 0 auto; padding: 1rem; }
code { font: 0.92em ui-monospace, monospace; }
h2 { margin-top: 3rem; border-bottom: 1px solid #8886; }
article, .schema { margin: 1.5rem 0; padding: 0.2rem 1rem; border: 1px solid #8884; border-radius: 6px; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.6rem; border-top: 1px solid #8883; }
th { white-space: nowrap; font-weight: 600; width: 1%; }
th i { font-weight: 400; opacity: 0.7; }
p { margin: 0.3rem 0; }
nav > ul { columns: 18rem; }
`;
