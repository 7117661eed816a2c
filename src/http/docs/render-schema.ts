import type { ApiSchema } from './api-document.ts';
import { code, escapeHtml, prose } from './html.ts';

/** A schema in one line, with links to those that have a name. */
export function renderType(schema: ApiSchema | undefined): string {
  if (schema === undefined) return 'anything';
  if (schema.$ref !== undefined) return link(schema.$ref);
  const [only, ...others] = schema.allOf ?? [];
  if (only !== undefined && others.length === 0) return renderType(only);
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices !== undefined) return choices.map(renderType).join(' or ');
  if (schema.enum !== undefined) return schema.enum.map((value) => code(JSON.stringify(value))).join(' or ');
  if (schema.items !== undefined) return `list of ${renderType(schema.items)}`;
  if (schema.properties !== undefined) return renderProperties(schema);
  if (typeof schema.additionalProperties === 'object')
    return `any names → ${renderType(schema.additionalProperties)}`;
  const types = [schema.type ?? 'anything'].flat().join(' or ');
  return `${escapeHtml(types)}${renderBounds(schema)}`;
}

/** A named schema with its properties. */
export function renderNamedSchema(name: string, schema: ApiSchema): string {
  const note = schema.description === undefined ? '' : prose(schema.description);
  return `<section class="schema" id="schema-${escapeHtml(name)}"><h3>${escapeHtml(name)}</h3>${note}${renderType(schema)}</section>`;
}

function renderProperties({ properties = {}, required = [] }: ApiSchema): string {
  const rows = Object.entries(properties).map(([name, schema]) => {
    const isNeeded = required.includes(name);
    const fallback = schema.default === undefined ? '' : ` (default ${code(JSON.stringify(schema.default))})`;
    const note = schema.description === undefined ? '' : prose(schema.description);
    return `<tr><th>${code(name)}${isNeeded ? '' : ' <i>optional</i>'}</th><td>${renderType(schema)}${fallback}${note}</td></tr>`;
  });
  return `<table>${rows.join('')}</table>`;
}

function renderBounds(schema: ApiSchema): string {
  const least = schema.minimum ?? schema.minLength ?? schema.minItems;
  const most = schema.maximum ?? schema.maxLength ?? schema.maxItems;
  const unit = schema.minLength === undefined && schema.maxLength === undefined ? '' : ' characters';
  if (least === undefined && most === undefined) return '';
  if (most === undefined) return `, from ${least}${unit}`;
  return least === undefined ? `, up to ${most}${unit}` : `, ${least} to ${most}${unit}`;
}

function link(reference: string): string {
  const name = escapeHtml(reference.split('/').at(-1) ?? reference);
  return `<a href="#schema-${name}">${name}</a>`;
}
