import type { Table } from '@lancedb/lancedb';
import type { Lance } from './lance-library.ts';

/** Name of the text index, for its statistics. */
export const textIndexName = 'embedded_text_idx';
/** Names of the look-up indexes. */
export const scalarIndexNames = ['chunk_id_idx', 'document_id_idx'] as const;

/**
 * Creates the indexes that every table has, or creates them anew: look-up by chunk and document, and text search.
 *
 * The text index cuts words by the Unicode rules and dictionaries of ICU (Chinese, Japanese and Thai have no spaces; the
 * "simple" tokenizer takes a whole sentence for one word and finds nothing), also at `_`, `-` and `.`; case and accents do
 * not matter; words are stemmed as English, which leaves other languages nearly alone. Stop words stay in: with ICU
 * LanceDB removes those of all languages at once, digits and single letters among them, so that "C", "2" or "war" would
 * not be found. Word positions (phrase search) are not kept: they double the index.
 *
 * Declared fields have no index: a filter reads one narrow column, some milliseconds per million rows.
 */
export async function createIndexes(lance: Lance, table: Table): Promise<void> {
  const { Index } = lance;
  await table.createIndex('chunk_id', { config: Index.btree(), name: 'chunk_id_idx' });
  await table.createIndex('document_id', { config: Index.btree(), name: 'document_id_idx' });
  const config = Index.fts({
    baseTokenizer: 'icu/split',
    language: 'English',
    stem: true,
    removeStopWords: false,
    asciiFolding: true,
    lowercase: true,
    withPosition: false,
    maxTokenLength: 40,
  });
  await table.createIndex('embedded_text', { config, name: textIndexName });
}
