/* Documents that change section by section, and a reader that knows from what it finds whether it saw one whole revision. */
import type { DocumentInput, Runtime, SearchMode, SearchResult } from '../../src/index.ts';

const SECTIONS = 5;
/** A word that stands in every section. */
const COMMON_WORD = 'alpha';

/** A document at a revision: each revision changes one section and the metadata. */
export function movingDocument(key: string, revision: number): DocumentInput {
  const sections = Array.from({ length: SECTIONS }, (_, place) => {
    const words = `Section ${place} of ${key} says ${COMMON_WORD} and so on, in many words. `.repeat(3);
    return `## Place ${place}\n\nmark-${place}-${sectionRevision(place, revision)} ${words}\n\n`;
  });
  return { key, content: sections.join(''), metadata: { revision } };
}

/** The last revision up to `revision` that changed a section. */
function sectionRevision(place: number, revision: number): number {
  const back = (((revision - place) % SECTIONS) + SECTIONS) % SECTIONS;
  return Math.max(0, revision - back);
}

/** What is wrong with the passages of one document that a search found; `undefined` when they are one revision of it, whole. */
function defectOf(passages: readonly SearchResult[]): string | undefined {
  const revisions = new Set(passages.map(({ metadata }) => Number(metadata.revision)));
  const marks = passages.flatMap(({ text }) => text.match(/mark-\d+-\d+/g) ?? []).sort();
  const [revision = -1] = revisions;
  const wanted = Array.from(
    { length: SECTIONS },
    (_, place) => `mark-${place}-${sectionRevision(place, revision)}`,
  );
  if (revisions.size === 1 && marks.join() === wanted.join()) return undefined;
  return `revisions ${[...revisions]}, sections ${marks.join()}`;
}

const MODES: readonly SearchMode[] = ['vector', 'text', 'hybrid'];

export interface MovingReader {
  /** Searches that were answered. */
  readonly searchCount: () => number;
  /** Settles when it has stopped. Rejects with the first search that failed or saw what never was. */
  readonly over: Promise<void>;
  /** Stops it at the end of the search under way. */
  end(): Promise<void>;
}

/**
 * Searches one dataset again and again in every mode: for all passages of one of the documents, and for those of all. Of
 * `lasting` documents every answer must have all of them; of any document that it has, one whole revision.
 */
export function startMovingReader(
  runtime: Runtime,
  address: string,
  keys: { readonly lasting: readonly string[]; readonly passing: readonly string[] },
): MovingReader {
  let searchCount = 0;
  let isOver = false;
  const dataset = runtime.dataset(address);
  const all = [...keys.lasting, ...keys.passing];
  async function searchOnce(): Promise<void> {
    const mode = MODES[searchCount % MODES.length] ?? 'hybrid';
    const key = all[searchCount % (all.length + 1)];
    const filter = key === undefined ? undefined : ({ op: 'eq', field: 'key', value: key } as const);
    const hits = await dataset.search(COMMON_WORD, { mode, limit: 1_000, ...(filter && { filter }) });
    const byKey = Map.groupBy(hits, (hit) => hit.key);
    const expected = keys.lasting.filter((one) => key === undefined || key === one);
    for (const one of new Set([...byKey.keys(), ...expected])) {
      const defect = defectOf(byKey.get(one) ?? []);
      if (defect !== undefined)
        throw new Error(`A ${mode} search number ${searchCount} found of ${one}: ${defect}`);
    }
    searchCount += 1;
  }
  const over = (async () => {
    while (!isOver) await searchOnce();
  })();
  // Whoever ends it is told.
  over.catch(() => undefined);
  return {
    searchCount: () => searchCount,
    over,
    end() {
      isOver = true;
      return over;
    },
  };
}
