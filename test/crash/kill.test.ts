import { expect, test } from 'bun:test';
import process from 'node:process';
import { type ChildProgram, pause, startProgram } from '../support/child-program.ts';
import { createRandom } from '../support/crash-source.ts';
import { type SeenRequest, startEmbeddingServer } from '../support/embedding-server.ts';
import { makeTempDir } from '../support/temp-dir.ts';

/** How often the program is killed. More kills, or those of a run that failed: set these variables. */
const KILLS = Number(process.env.SYNCLINE_TEST_KILLS ?? 25);
const SEED = Number(process.env.SYNCLINE_TEST_SEED ?? Math.floor(Math.random() * 1_000_000));
/** Longest work before a kill, and longest time from a program's start to a kill while it still recovers. */
const WORK_MS_MAX = 450;
const RECOVERY_MS_MAX = 600;
/** Of the kills, those that are meant for a recovery. */
const RECOVERY_KILLS = 0.3;
/** Texts in flight at one moment: 2 datasets, 4 requests each, 8 texts each (see crash-worker.ts). */
const TEXTS_IN_FLIGHT_MAX = 2 * 4 * 8;

const PROGRAM = new URL('../support/crash-worker.ts', import.meta.url);

/** What a cycle printed besides how far it is: an error, where something fails or does not agree. */
const saidElse = ({ output }: ChildProgram): string => output().replaceAll(/^(checked|drop .*)\n/gm, '');

/** Deletions of datasets that a cycle began. */
const countDrops = ({ output }: ChildProgram): number => output().match(/^drop /gm)?.length ?? 0;

/** What every cycle sent to the provider, and how many deletions of datasets it began. */
interface CycleRecord {
  readonly sent: Map<string, number>;
  drops: number;
}

function createRecords(): {
  of: (cycle: string) => CycleRecord;
  note: (request: SeenRequest) => void;
  all: () => CycleRecord[];
} {
  const records = new Map<string, CycleRecord>();
  const of = (cycle: string): CycleRecord => {
    const record = records.get(cycle) ?? { sent: new Map<string, number>(), drops: 0 };
    records.set(cycle, record);
    return record;
  };
  return {
    of,
    note({ headers, body }) {
      const { sent } = of(String(headers.authorization).replace('Bearer cycle-', ''));
      for (const text of body.input as string[]) sent.set(text, (sent.get(text) ?? 0) + 1);
    },
    all: () => [...records.values()],
  };
}

test(
  `whenever it is killed, the next process finishes the work, and catalog, table and source agree (seed ${SEED})`,
  async () => {
    const random = createRandom(`kills ${SEED}`);
    const records = createRecords();
    await using provider = await startEmbeddingServer({
      dimensions: 32,
      latencyMs: 12,
      onRequest: records.note,
    });
    using folder = makeTempDir();
    const argsOf = (cycle: number, command: string): string[] => [
      folder.join('data'),
      provider.url,
      String(SEED),
      String(cycle),
      command,
    ];
    for (let cycle = 0; cycle < KILLS; cycle += 1) {
      const program = startProgram(PROGRAM, argsOf(cycle, 'work'));
      if (random() < RECOVERY_KILLS) await pause(random() * RECOVERY_MS_MAX);
      else {
        await program.said('checked');
        await pause(random() * WORK_MS_MAX);
      }
      program.child.kill('SIGKILL');
      // It ends by the kill and by nothing else: whatever does not agree, or fails, ends it with an error before.
      expect(`${await program.ended}: ${saidElse(program)}`).toBe('SIGKILL: ');
      records.of(String(cycle)).drops = countDrops(program);
    }
    const last = startProgram(PROGRAM, argsOf(KILLS, 'finish'));
    expect(`${await last.ended}: ${saidElse(last)}`).toBe('0: finished\n');
    records.of(String(KILLS)).drops = countDrops(last);
    expectNothingPaidTwice(records.all());
  },
  60_000 + KILLS * 5_000,
);

/** A text is sent again only when nobody can know its vector: its request was in flight at a kill, or at the deletion of its dataset. */
function expectNothingPaidTwice(records: readonly CycleRecord[]): void {
  const later = new Set<string>();
  for (const { sent, drops } of records.toReversed()) {
    const withinCycle = [...sent.values()].reduce((sum, count) => sum + count - 1, 0);
    expect(withinCycle).toBeLessThanOrEqual(drops * TEXTS_IN_FLIGHT_MAX);
    const again = [...sent.keys()].filter((text) => later.has(text));
    expect(again.length).toBeLessThanOrEqual((1 + drops) * TEXTS_IN_FLIGHT_MAX);
    for (const text of sent.keys()) later.add(text);
  }
  expect(later.size).toBeGreaterThan(0);
}
