import type { Environment } from './environment.ts';
import { openFolderSource } from './folder/folder-source.ts';
import { openJsonlSource } from './jsonl/jsonl-source.ts';
import type { Source } from './source.ts';
import type { SourceDefinition } from './source-definition.ts';
import { openSqlSource } from './sql/open-sql-source.ts';

/** Options of {@link openSource}. */
export interface OpenSourceOptions {
  /** Where secrets are read from when the source is first used. */
  readonly environment: Environment;
  /** The folder that relative paths start from. Default the current folder. */
  readonly cwd?: string;
}

/** The source that a definition describes. Opens nothing yet. */
export function openSource(definition: SourceDefinition, options: OpenSourceOptions): Source {
  const { environment, cwd = process.cwd() } = options;
  switch (definition.kind) {
    case 'folder':
      return openFolderSource(definition, cwd);
    case 'jsonl':
      return openJsonlSource(definition, cwd);
    case 'sql':
      return openSqlSource(definition, { environment, cwd });
  }
}
