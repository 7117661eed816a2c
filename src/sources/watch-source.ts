import { FILES_TABLE } from './folder/folder-source.ts';
import { watchFolder } from './folder/watch-folder.ts';
import type { SourceDefinition } from './source-definition.ts';
import type { Watchable } from './source-listener.ts';

/** How a source is watched; `undefined` for one that is not to be watched, or cannot be. Watches nothing yet. */
export function watchableOf(definition: SourceDefinition, cwd = process.cwd()): Watchable | undefined {
  if (definition.kind !== 'folder' || definition.watch !== true) return undefined;
  return { table: FILES_TABLE, watch: (listener) => watchFolder(definition, cwd, listener) };
}
