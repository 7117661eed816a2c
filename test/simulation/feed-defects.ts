import type { Defect } from './sim-runtime.ts';

/* Mistakes that can be made with sources. */

export const SOURCE_DEFECTS = {
  /** A source that breaks off is taken for one that has ended. */
  brokenOffIsWhole: {
    needs: 'source',
    source: (source, { world }) => ({
      ...source,
      async *extractAll(options) {
        for await (const record of source.extractAll(options)) {
          yield record;
          if (world.isFaulty() && world.random.chance(0.5)) return;
        }
      },
    }),
  },
} as const satisfies Readonly<Record<string, Defect>>;
