import type { ConfigurationRecord, DocumentChange } from '../catalog/catalog.ts';
import type { Digest } from '../domain/hash.ts';
import type { Account } from './accounts.ts';
import type { DatasetWork } from './work.ts';

/** Hashes that the catalog is asked for at once. */
const HASHES_PER_READ = 10_000;

/** Says whose the texts of changed documents are, before any of them can be embedded; and counts those that need not be. */
export async function claimTexts(
  work: DatasetWork,
  account: Account,
  configuration: ConfigurationRecord,
  changes: readonly DocumentChange[],
): Promise<void> {
  const diffs = changes.flatMap((change) => (change.kind === 'upsert' ? change.diff : []));
  const kept = diffs.flatMap((diff) => diff.kept.map(({ chunk }) => chunk.textHash));
  const added = diffs.flatMap((diff) => diff.added.map(({ textHash }) => textHash));
  if (!account.isRead) {
    work.accounts.claim(account, configuration.profileId, { kept, added });
    return;
  }
  const unknown = {
    kept: await withoutVector(work, configuration, kept),
    added: await withoutVector(work, configuration, added),
  };
  const own = work.accounts.claim(account, configuration.profileId, unknown);
  account.counts.reusedCount += kept.length - unknown.kept.length + added.length - own.added;
}

async function withoutVector(
  { catalog }: DatasetWork,
  { profile }: ConfigurationRecord,
  textHashes: readonly Digest[],
): Promise<Digest[]> {
  const unknown: Digest[] = [];
  for (let start = 0; start < textHashes.length; start += HASHES_PER_READ) {
    const page = textHashes.slice(start, start + HASHES_PER_READ);
    const known = new Set(await catalog.findEmbedded(profile, page));
    unknown.push(...page.filter((_, place) => !known.has(place)));
  }
  return unknown;
}
