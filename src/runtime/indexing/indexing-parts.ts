import { createWatching, type Watching } from '../watching/watching.ts';
import { createSourceUses, type SourceUses } from './source-uses.ts';

/** What runs over sources share within a runtime. */
export interface IndexingParts {
  readonly sourceUses: SourceUses;
  readonly watching: Watching;
  /** Making what the options declare; once. */
  readonly declared: { reconciled: Promise<void> | undefined };
  /** Who runs what is due, while a worker does. */
  readonly schedules: {
    /** Makes it look again at what is due. */
    changed: () => void;
  };
}

export function createIndexingParts(): IndexingParts {
  return {
    sourceUses: createSourceUses(),
    watching: createWatching(),
    declared: { reconciled: undefined },
    schedules: { changed: () => undefined },
  };
}
