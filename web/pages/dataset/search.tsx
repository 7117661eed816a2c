import type { JSX } from 'preact';
import { useEffect } from 'preact/hooks';
import type { DatasetEntry } from '../../core/dataset-entry.ts';
import { query } from '../../core/router.ts';
import { SearchPanel } from '../search-panel.tsx';

/** Searches one dataset. */
export function SearchTab({ entry }: { readonly entry: DatasetEntry }): JSX.Element {
  useEffect(() => {
    document.getElementById('search-query')?.focus();
  }, []);
  return <SearchPanel entry={entry} first={query.value.get('q') ?? ''} />;
}
