import { expect, test } from 'bun:test';
import process from 'node:process';
import { type ChildProgram, pause, startProgram } from '../support/child-program.ts';
import { CRASH_OPERATIONS } from '../support/crash-operations.ts';
import { CRASH_DIMENSIONS } from '../support/crash-runtime.ts';
import { createRandom } from '../support/crash-source.ts';
import { type SeenRequest, startEmbeddingServer } from '../support/embedding-server.ts';
import { makeTempDir } from '../support/temp-dir.ts';

/** How often programs are killed. More kills, or those of a run that failed: set these variables. */
const KILLS = Number(process.env.SYNCLINE_TEST_KILLS ?? 200);
const SEED = Number(process.env.SYNCLINE_TEST_SEED ?? Math.floor(Math.random() * 1_000_000));
/** Programs at the same time, each in a folder of its own. */
const CHAINS = 2;
/** Longest work, and longest recovery, before a kill. */
const WORK_MS_MAX = 300;
const RECOVERY_MS_MAX = 300;
/** Texts in flight at one moment: 2 datasets of which one may be embedded anew, 4 requests each, 8 texts each. */
const TEXTS_IN_FLIGHT_MAX = 3 * 4 * 8;

const PROGRAM = new URL('../support/crash-worker.ts', import.meta.url);

/** In the middle of what a program is killed: while it recovers, takes a step of its source, or does an operation. */
const PHASES = ['recovery', 'ingest', ...CRASH_OPERATIONS] as const;

/** What a program printed besides how far it is: an error, where something fails or does not agree. */
const saidElse = ({ output }: ChildProgram): string =>
  output().replaceAll(/^(checked|begin .*|end .*)\n/gm, '');

const countLines = ({ output }: ChildProgram, line: string): number =>
  output()
    .split('\n')
    .filter((one) => one === line).length;

/** What it was in the middle of. */
const underWay = (program: ChildProgram): string[] =>
  PHASES.filter((phase) => countLines(program, `begin ${phase}`) > countLines(program, `end ${phase}`));

/** What every program sent to the provider, and how many times it began what gives requests up that are under way. */
interface CycleRecord {
  readonly sent: Map<string, number>;
  givenUp: number;
}

function createRecords(): {
  of: (cycle: string) => CycleRecord;
  note: (request: SeenRequest) => void;
  all: () => CycleRecord[];
} {
  const records = new Map<string, CycleRecord>();
  const of = (cycle: string): CycleRecord => {
    const record = records.get(cycle) ?? { sent: new Map<string, number>(), givenUp: 0 };
    records.set(cycle, record);
    return record;
  };
  return {
    of,
    note({ headers, body }) {
      const { sent } = of(String(headers.authorization).replace('Bearer cycle-', ''));
      for (const text of body.input as string[]) {
        // The same text under another profile is another embedding.
        const embedded = `${body.dimensions} ${text}`;
        sent.set(embedded, (sent.get(embedded) ?? 0) + 1);
      }
    },
    all: () => [...records.values()],
  };
}

/** Kills one program after the other in one folder; returns how often in the middle of what. */
async function runChain(seed: number, kills: number): Promise<Map<string, number>> {
  const random = createRandom(`kills ${seed}`);
  const records = createRecords();
  const hits = new Map<string, number>();
  await using provider = await startEmbeddingServer({
    dimensions: CRASH_DIMENSIONS,
    latencyMs: 12,
    onRequest: records.note,
  });
  using folder = makeTempDir();
  const start = (cycle: number, command: string, operation: string): ChildProgram =>
    startProgram(PROGRAM, [folder.join('data'), provider.url, `${seed}`, `${cycle}`, command, operation]);
  const note = (program: ChildProgram, cycle: number): void => {
    records.of(String(cycle)).givenUp =
      countLines(program, 'begin drop') + countLines(program, 'begin cancel');
  };
  /** Every operation in turn, and as often none and a kill in the middle of the recovery. */
  const turns = [...CRASH_OPERATIONS, 'none', 'recovery'] as const;
  for (let cycle = 0; cycle < kills; cycle += 1) {
    const turn = turns[cycle % turns.length] ?? 'none';
    const program = start(cycle, 'work', turn);
    if (turn === 'recovery') {
      await program.said('begin recovery');
      await pause(random() * RECOVERY_MS_MAX);
    } else {
      await program.said('checked');
      await program.said(turn === 'none' ? 'begin ingest' : `begin ${turn}`);
      await pause(random() * WORK_MS_MAX);
    }
    program.child.kill('SIGKILL');
    // It ends by the kill and by nothing else: whatever does not agree, or fails, ends it with an error before.
    expect(`${cycle} ${turn} ${await program.ended}: ${saidElse(program)}`).toBe(
      `${cycle} ${turn} SIGKILL: `,
    );
    for (const phase of underWay(program)) hits.set(phase, (hits.get(phase) ?? 0) + 1);
    note(program, cycle);
  }
  const last = start(kills, 'finish', 'none');
  expect(`${await last.ended}: ${saidElse(last)}`).toBe('0: finished\n');
  note(last, kills);
  expectNothingPaidTwice(records.all());
  return hits;
}

test(
  `whenever it is killed, the next process finishes the work, and catalog, table and source agree (seed ${SEED})`,
  async () => {
    const chains = Array.from({ length: CHAINS }, (_, chain) =>
      runChain(SEED + chain, Math.ceil(KILLS / CHAINS)),
    );
    const all = await Promise.all(chains);
    const hits = Object.fromEntries(
      PHASES.map((phase) => [phase, all.reduce((sum, chain) => sum + (chain.get(phase) ?? 0), 0)]),
    );
    console.log(`Killed in the middle of: ${JSON.stringify(hits)}`);
    expect(PHASES.filter((phase) => hits[phase] === 0)).toEqual([]);
  },
  60_000 + KILLS * 15_000,
);

/**
 * A text is sent again only when nobody can know its vector: its request was in flight at a kill, at the deletion of its
 * dataset, or when its reconfiguration was cancelled.
 */
function expectNothingPaidTwice(records: readonly CycleRecord[]): void {
  const later = new Set<string>();
  for (const { sent, givenUp } of records.toReversed()) {
    const withinCycle = [...sent.values()].reduce((sum, count) => sum + count - 1, 0);
    expect(withinCycle).toBeLessThanOrEqual(givenUp * TEXTS_IN_FLIGHT_MAX);
    const again = [...sent.keys()].filter((text) => later.has(text));
    expect(again.length).toBeLessThanOrEqual((1 + givenUp) * TEXTS_IN_FLIGHT_MAX);
    for (const text of sent.keys()) later.add(text);
  }
  expect(later.size).toBeGreaterThan(0);
}
