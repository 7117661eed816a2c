import type { PendingChunk } from '../catalog/catalog.ts';
import type { Digest } from '../domain/hash.ts';

/** What embedding was done for one call, counted as it happens. */
export interface Account {
  readonly counts: {
    /** Texts that a provider was paid for. */
    embeddedCount: number;
    /** Chunks of added and changed documents whose text had a vector already, or was embedded for somebody else. */
    reusedCount: number;
    /** Texts that were given up. */
    givenUpCount: number;
    tokensCharged: number;
    costUsd: number;
  };
  /** `false` once tokens were charged whose price is not known: `costUsd` says nothing then. */
  isPriced: boolean;
  /** Whether anybody reads the counts; else the account only keeps texts from counting for others. */
  readonly isRead: boolean;
}

/** What an answer of a provider cost. */
export interface ChargedAnswer {
  readonly profileId: number;
  readonly chunks: readonly Pick<PendingChunk, 'textHash' | 'tokenCount'>[];
  readonly tokensCharged: number;
  /** `undefined` where it is not known. */
  readonly usdPerMillionTokens: number | undefined;
}

/**
 * Whose texts are embedded: calls of one dataset run at the same time, and the embed stage works for all of them. Each text
 * that a call has brought is counted for that call, whoever's request it goes with.
 */
export interface Accounts {
  open(options: {
    /** Texts that nobody has claimed count for this one: it does everything that waits. Default `false`. */
    readonly takesRest?: boolean;
    /** Default `true`. */
    readonly isRead?: boolean;
  }): Account;
  /** After a call that ended well, new texts that it claimed and were not embedded for it were embedded for somebody else. */
  close(account: Account, options: { readonly endedWell: boolean }): void;
  /** Says before they are pending that texts are this account's; those of others stay theirs. Returns how many are its own. */
  claim(
    account: Account,
    profileId: number,
    texts: { readonly kept: readonly Digest[]; readonly added: readonly Digest[] },
  ): { readonly kept: number; readonly added: number };
  noteEmbedded(answer: ChargedAnswer): void;
  noteGivenUp(profileId: number, textHash: Digest): void;
  /** Texts went to a batch job: they are neither embedded for a call nor reused by it. */
  noteBatched(profileId: number, textHashes: readonly Digest[]): void;
}

/** One of the two claims of an account, for texts that its documents had before, and for new ones. */
interface Claim {
  readonly account: Account;
  openCount: number;
}

/** Bytes of a hash that texts are told apart by here: enough for counting. */
const HASH_BYTES = 12;

export function createAccounts(): Accounts {
  const claims = new Map<string, Claim>();
  const own = new Map<Account, { readonly kept: Claim; readonly added: Claim }>();
  const takers: Account[] = [];

  const take = (profileId: number, textHash: Digest): Account | undefined => {
    const name = nameOf(profileId, textHash);
    const claim = claims.get(name);
    if (claim === undefined) return takers[0];
    claims.delete(name);
    claim.openCount -= 1;
    return claim.account;
  };
  const stake = (claim: Claim | undefined, profileId: number, textHashes: readonly Digest[]): number => {
    if (claim === undefined) return 0;
    const before = claim.openCount;
    for (const textHash of textHashes) {
      const name = nameOf(profileId, textHash);
      if (claims.has(name)) continue;
      claims.set(name, claim);
      claim.openCount += 1;
    }
    return claim.openCount - before;
  };

  return {
    open({ takesRest = false, isRead = true }) {
      const counts = { embeddedCount: 0, reusedCount: 0, givenUpCount: 0, tokensCharged: 0, costUsd: 0 };
      const account: Account = { counts, isPriced: true, isRead };
      own.set(account, { kept: { account, openCount: 0 }, added: { account, openCount: 0 } });
      if (takesRest) takers.push(account);
      return account;
    },
    close(account, { endedWell }) {
      const { kept, added } = own.get(account) ?? {};
      own.delete(account);
      const place = takers.indexOf(account);
      if (place >= 0) takers.splice(place, 1);
      if (kept === undefined || added === undefined || kept.openCount + added.openCount === 0) return;
      if (endedWell) account.counts.reusedCount += added.openCount;
      for (const [name, claim] of claims) if (claim.account === account) claims.delete(name);
    },
    claim(account, profileId, texts) {
      const { kept, added } = own.get(account) ?? {};
      return { kept: stake(kept, profileId, texts.kept), added: stake(added, profileId, texts.added) };
    },
    noteEmbedded({ profileId, chunks, tokensCharged, usdPerMillionTokens }) {
      const shares = new Map<Account | undefined, number>();
      for (const { textHash, tokenCount } of chunks) {
        const account = take(profileId, textHash);
        if (account !== undefined) account.counts.embeddedCount += 1;
        shares.set(account, (shares.get(account) ?? 0) + tokenCount);
      }
      for (const [account, tokens] of shareOut(tokensCharged, shares)) {
        if (account === undefined) continue;
        account.counts.tokensCharged += tokens;
        if (usdPerMillionTokens === undefined) account.isPriced &&= tokens === 0;
        else account.counts.costUsd += (tokens * usdPerMillionTokens) / 1_000_000;
      }
    },
    noteGivenUp(profileId, textHash) {
      const account = take(profileId, textHash);
      if (account !== undefined) account.counts.givenUpCount += 1;
    },
    noteBatched(profileId, textHashes) {
      for (const textHash of textHashes) take(profileId, textHash);
    },
  };
}

function nameOf(profileId: number, textHash: Digest): string {
  return `${profileId} ${Buffer.from(textHash.buffer, textHash.byteOffset, HASH_BYTES).toString('latin1')}`;
}

/** Whole numbers in proportion to the shares, which add up to `total`. */
function shareOut<Owner>(total: number, shares: ReadonlyMap<Owner, number>): Map<Owner, number> {
  let shareLeft = [...shares.values()].reduce((sum, share) => sum + share, 0);
  let left = total;
  const parts = new Map<Owner, number>();
  for (const [owner, share] of shares) {
    const part = shareLeft === 0 ? left : Math.round((left * share) / shareLeft);
    parts.set(owner, part);
    left -= part;
    shareLeft -= share;
  }
  return parts;
}
