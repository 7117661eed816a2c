import type { SyncFinding, SyncReport } from '../index.ts';
import { countOf, formatCount, formatDuration } from './format-values.ts';
import { printable } from './printable.ts';

/** What there is of each kind, for one and for several. */
const KINDS = {
  missing: ['chunk without a row', 'chunks without a row'],
  extra: ['row of no chunk', 'rows of no chunk'],
  duplicate: ['row too many of a chunk', 'rows too many of a chunk'],
  stale: ['row of another text, metadata or document', 'rows of another text, metadata or document'],
  vectorless: ['row without a usable vector', 'rows without a usable vector'],
  wrongDimension: ['row with a vector of another dimension', 'rows with vectors of another dimension'],
  wrongVector: ['row with another vector than the catalog', 'rows with another vector than the catalog'],
  unembedded: ['chunk that lost its embedding', 'chunks that lost their embedding'],
} as const satisfies Partial<Record<keyof SyncReport, readonly [string, string]>>;

const LOOKED_AT: Readonly<Record<SyncReport['level'], string>> = {
  quick: 'version and row count compared',
  rows: 'rows compared',
  deep: 'rows and vectors compared',
};

const DONE: Readonly<Record<SyncReport['repaired'], string | undefined>> = {
  none: undefined,
  putBack: 'Put back to its last mark, and checked again.',
  repair: 'Repaired in place, and checked again.',
  rebuild: 'A new table was built, and checked.',
};

/** A report for people: one line when nothing is wrong, else also what is, and what can be done. */
export function describeCheck(report: SyncReport): string[] {
  const { address, level, inSync, table, tableRowCount, durationMs } = report;
  if (table === undefined) return [`${address}: has no table yet, ${formatDuration(durationMs)}.`];
  const looked = `${LOOKED_AT[level]}, ${formatDuration(durationMs)}`;
  if (inSync) return [`${address}: in sync, ${countOf(tableRowCount, 'row')}, ${looked}.`];
  const done = DONE[report.repaired];
  return [
    `${address}: ${done === undefined ? 'OUT OF SYNC' : 'was out of sync'}, ${formatCount(tableRowCount)} of ${countOf(report.catalogRowCount, 'row')}, ${looked}.`,
    ...findingLines(report),
    `  ${done ?? describeProposal(report)}`,
  ];
}

function findingLines(report: SyncReport): string[] {
  const kinds = Object.entries(KINDS) as [keyof typeof KINDS, readonly [string, string]][];
  const lines = kinds.flatMap(([kind, [one, many]]) => {
    const finding = report[kind];
    if (finding.count === 0) return [];
    return `  ${formatCount(finding.count)} ${finding.count === 1 ? one : many}${describeIds(finding)}`;
  });
  return lines.length > 0 ? lines : [`  ${printable(report.reason ?? '')}`];
}

function describeIds({ count, firstChunkIds }: SyncFinding): string {
  if (firstChunkIds.length === 0) return '';
  const more = firstChunkIds.length < count ? ', …' : '';
  return `: chunk ${firstChunkIds.join(', ')}${more}`;
}

function describeProposal({ proposal, address }: SyncReport): string {
  const command = `"syncline check ${address} --repair"`;
  switch (proposal) {
    case 'putBack':
      return `Ahead of its last mark: the next worker, or ${command}, puts it back.`;
    case 'rebuild':
      return `A new table is needed: ${command} builds it from stored embeddings.`;
    default:
      return `Can be repaired: ${command}.`;
  }
}
