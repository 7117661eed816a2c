import { SynclineError } from './errors.ts';
import { type FieldTypes, fieldValues } from './fields.ts';
import { type Digest, sha256 } from './hash.ts';
import { canonicalMetadata, type Metadata, metadataHash } from './metadata.ts';

/** How content is split: by Markdown headings and code fences, or as plain paragraphs. */
export type DocumentFormat = 'markdown' | 'text';

/** All formats. */
export const DOCUMENT_FORMATS: readonly DocumentFormat[] = ['markdown', 'text'];

/** One source record as its owner hands it over. */
export interface DocumentInput {
  /** Unique within (`dataset`, `source`); 1 to 1,024 characters. */
  readonly key: string;
  /** Where the document comes from; 1 to 255 characters. Default `"default"`. */
  readonly source?: string;
  /** Shown in results and put before each chunk that is embedded. */
  readonly title?: string;
  /** The text. May be empty (then nothing is embedded); lone surrogates are stored as U+FFFD. */
  readonly content: string;
  /** Default `"markdown"`. */
  readonly format?: DocumentFormat;
  readonly metadata?: Metadata;
}

/** What names a document within a dataset. */
export interface DocumentKey {
  readonly source: string;
  readonly key: string;
}

/** A {@link DocumentInput} after checking: no optional parts, hashes computed. */
export interface PreparedDocument extends DocumentKey {
  readonly title: string;
  readonly content: string;
  readonly format: DocumentFormat;
  /** Canonical JSON of the metadata. */
  readonly metadataJson: string;
  /** SHA-256 over format, title and content: everything that decides about chunks. */
  readonly contentHash: Digest;
  /** SHA-256 of {@link metadataJson}. */
  readonly metadataHash: Digest;
}

export const DEFAULT_SOURCE = 'default';
const KEY_LENGTH_MAX = 1_024;
const SOURCE_LENGTH_MAX = 255;
const TITLE_LENGTH_MAX = 4_096;

/** What {@link prepareDocument} needs to know of the dataset. */
export interface DocumentRules {
  readonly fields: FieldTypes;
  /** Longest content in UTF-16 units. */
  readonly contentLengthMax: number;
}

/**
 * Checks one document and computes its hashes.
 *
 * @throws SynclineError `INVALID_DOCUMENT` (bad key, source, title or a zero character), `DOCUMENT_TOO_LARGE`, `INVALID_METADATA`.
 */
export function prepareDocument(input: DocumentInput, rules: DocumentRules): PreparedDocument {
  const { source, key } = prepareKey(input);
  const where = `The document "${describeKey({ source, key })}"`;
  if (typeof input.content !== 'string') throw invalidDocument(where, 'has no content: give a string', key);
  const givenTitle = input.title ?? '';
  if (typeof givenTitle !== 'string' || givenTitle.length > TITLE_LENGTH_MAX || givenTitle.includes('\0')) {
    throw invalidDocument(
      where,
      `needs a title of at most ${TITLE_LENGTH_MAX} characters without U+0000`,
      key,
    );
  }
  if (input.content.length > rules.contentLengthMax) {
    throw new SynclineError(
      'DOCUMENT_TOO_LARGE',
      `${where} has ${input.content.length} characters; the most is ${rules.contentLengthMax}. Split it, or raise the option documentLengthMax.`,
      { details: { key } },
    );
  }
  if (input.content.includes('\0')) {
    throw invalidDocument(where, 'contains the zero character U+0000; it is probably not text', key);
  }
  const format = input.format ?? 'markdown';
  if (format !== 'markdown' && format !== 'text')
    throw invalidDocument(where, `has the unknown format "${format}"`, key);
  const metadata = input.metadata ?? {};
  fieldValues(rules.fields, metadata);
  const metadataJson = canonicalMetadata(metadata);
  const content = input.content.toWellFormed();
  const title = givenTitle.toWellFormed();
  return {
    source,
    key,
    title,
    content,
    format,
    metadataJson,
    contentHash: hashContent({ format, title, content }),
    metadataHash: metadataHash(metadataJson),
  };
}

/** SHA-256 over everything that decides about chunks. */
export function hashContent({
  format,
  title,
  content,
}: Pick<PreparedDocument, 'format' | 'title' | 'content'>): Digest {
  // Neither format nor title can hold the separator: no two different documents make the same text.
  return sha256(`${format}\0${title}\0${content}`);
}

/**
 * Checks what names a document and fills in the default source.
 *
 * @throws SynclineError `INVALID_DOCUMENT` when key or source is missing, empty, too long or holds U+0000.
 */
export function prepareKey(input: { readonly source?: string; readonly key: string }): DocumentKey {
  const source = input.source ?? DEFAULT_SOURCE;
  const { key } = input;
  if (!isUsableName(key, KEY_LENGTH_MAX)) {
    const shown = String(key).slice(0, 80);
    throw invalidDocument(
      `A document`,
      `needs a key of 1 to ${KEY_LENGTH_MAX} characters without U+0000, not "${shown}"`,
      shown,
    );
  }
  if (!isUsableName(source, SOURCE_LENGTH_MAX)) {
    throw invalidDocument(
      `The document "${key}"`,
      `needs a source of 1 to ${SOURCE_LENGTH_MAX} characters without U+0000`,
      key,
    );
  }
  return { source: source.toWellFormed(), key: key.toWellFormed() };
}

/** A document's name for people: its key, with the source in front where that is not the default. */
export function describeKey({ source, key }: DocumentKey): string {
  return source === DEFAULT_SOURCE ? key : `${source}:${key}`;
}

/** A document's name as a `Map` key. */
export function documentMapKey({ source, key }: DocumentKey): string {
  return `${source}\0${key}`;
}

function isUsableName(name: unknown, lengthMax: number): name is string {
  return typeof name === 'string' && name.length > 0 && name.length <= lengthMax && !name.includes('\0');
}

function invalidDocument(where: string, reason: string, key: string): SynclineError {
  return new SynclineError('INVALID_DOCUMENT', `${where} ${reason}.`, { details: { key } });
}
