import { computed, signal } from '@preact/signals';

/*
 * Pages are told apart behind the `#`, so that the page is one file wherever the server is mounted, and loading it anew, a
 * bookmark, and the browser's back work without the server's help.
 */

function read(): string {
  return location.hash.replace(/^#\/?/, '');
}

const place = signal(read());

addEventListener('hashchange', () => {
  place.value = read();
});

/** Parts of where we are: `#/datasets/docs/website/search?q=a` → `['datasets', 'docs', 'website', 'search']`. */
export const path = computed<readonly string[]>(() =>
  (place.value.split('?')[0] ?? '')
    .split('/')
    .filter((part) => part !== '')
    .map(decodeURIComponent),
);

/** What stands behind the `?`. */
export const query = computed(() => new URLSearchParams(place.value.split('?')[1] ?? ''));

/** The link to a page. */
export function linkTo(parts: readonly string[], search: Readonly<Record<string, string>> = {}): string {
  const behind = new URLSearchParams(search).toString();
  return `#/${parts.map(encodeURIComponent).join('/')}${behind === '' ? '' : `?${behind}`}`;
}

export function goTo(parts: readonly string[], search?: Readonly<Record<string, string>>): void {
  location.hash = linkTo(parts, search);
}

/** Where a dataset's pages are. */
export function datasetLink(address: string, ...more: string[]): string {
  return linkTo(['datasets', ...address.split('/'), ...more]);
}
