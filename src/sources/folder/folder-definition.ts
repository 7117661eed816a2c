import { isSynclineError } from '../../domain/errors.ts';
import type { FileSelection } from '../../readers/file-rules.ts';
import { compileGlobs } from '../../readers/globs.ts';
import type { DefinitionFields } from '../definition-fields.ts';

/** A folder of files: one document per file, whose key is its path below the folder. */
export interface FolderSourceDefinition extends FileSelection {
  readonly kind: 'folder';
  readonly name: string;
  /** The folder; relative to the current folder. */
  readonly path: string;
  /** Largest file in bytes; larger ones are refused. Default 16 MiB. */
  readonly bytesMax?: number;
  /**
   * Whether a folder that holds nothing is taken for one whose files were all deleted. Default `false`: it is an error, as of a disk
   * that is not mounted nothing is there but an empty folder.
   */
  readonly allowEmpty?: boolean;
  /** Whether changes are indexed as they happen, while the runtime is started. Default `false`. */
  readonly watch?: boolean;
  /** Whether changes are looked for again and again, for file systems that do not tell of them. Default `false`. */
  readonly polling?: boolean;
}

const BYTES_LIMIT = 1_024 * 1_024 * 1_024;

/** Declares a folder as a source. */
export function folderSource(definition: Omit<FolderSourceDefinition, 'kind'>): FolderSourceDefinition {
  return { kind: 'folder', ...definition };
}

/** Reads the fields of a definition. */
export function readFolderDefinition(name: string, fields: DefinitionFields): FolderSourceDefinition {
  const definition = {
    path: fields.text('path'),
    include: readGlobs(fields, 'include'),
    exclude: readGlobs(fields, 'exclude'),
    gitignore: fields.optionalBoolean('gitignore'),
    hidden: fields.optionalBoolean('hidden'),
    bytesMax: fields.optionalInteger('bytesMax', 1, BYTES_LIMIT),
    allowEmpty: fields.optionalBoolean('allowEmpty'),
    watch: fields.optionalBoolean('watch'),
    polling: fields.optionalBoolean('polling'),
  };
  fields.end();
  const given = Object.entries(definition).filter(([, value]) => value !== undefined);
  return { kind: 'folder', name, path: definition.path, ...Object.fromEntries(given) };
}

function readGlobs(fields: DefinitionFields, field: 'include' | 'exclude'): readonly string[] | undefined {
  const patterns = fields.optionalTexts(field);
  try {
    compileGlobs(field, patterns ?? []);
  } catch (error) {
    if (!isSynclineError(error, 'INVALID_OPTION')) throw error;
    fields.fail(field, `cannot be used: ${error.message.replace(/\.$/, '')}`);
  }
  return patterns;
}
