/** Things in order of their score, best first. */
export type Ranking = readonly { readonly id: number; readonly score: number }[];

/**
 * The constant of reciprocal rank fusion: how much the first places count above the following ones. 60 is the value of
 * the paper that introduced it (Cormack, Clarke, Büttcher, SIGIR 2009) and LanceDB's default.
 */
const RANK_CONSTANT = 60;

/** Reciprocal rank fusion: each ranking gives 1 / (60 + place) to what it holds; ties go to the smaller id. */
export function fuseRankings(rankings: readonly Ranking[]): Ranking {
  const scores = new Map<number, number>();
  for (const ranking of rankings) {
    for (const [index, { id }] of ranking.entries()) {
      scores.set(id, (scores.get(id) ?? 0) + 1 / (RANK_CONSTANT + index + 1));
    }
  }
  return [...scores].map(([id, score]) => ({ id, score })).sort((a, b) => b.score - a.score || a.id - b.id);
}
