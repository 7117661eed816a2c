/*
 * A worker for the tests to stop and let go on: takes the steps of a dataset's source one after the other, says so after
 * each, and ends with what fails. `before 3` stops it by itself ahead of its third commit to a table, in the middle of
 * LanceDB's own call; `after 3` behind it. The commits of creating and dropping a table count.
 */
import process from 'node:process';
import { connect, MergeInsertBuilder } from '@lancedb/lancedb';
import { isSynclineError } from '../../src/index.ts';
import { openCrashRuntime, takeStep } from './crash-runtime.ts';
import { replaySource } from './crash-source.ts';
import { makeTempDir } from './temp-dir.ts';

const [dataDir = '', baseUrl = '', seed = '', address = '', when = '', place = '0', mode = ''] =
  process.argv.slice(2);

let commitCount = 0;

function pauseAt(moment: string): void {
  if (moment === 'before') commitCount += 1;
  if (moment !== when || commitCount !== Number(place)) return;
  process.stdout.write('stopped\n');
  process.kill(process.pid, 'SIGSTOP');
}

/** Makes every object of LanceDB that has the prototype of `sample` stop at its methods that commit. */
function watch(prototype: object, names: readonly string[]): void {
  for (const name of names) {
    const method: unknown = Reflect.get(prototype, name);
    if (typeof method !== 'function') throw new Error(`LanceDB has no ${name} any more.`);
    Reflect.set(
      prototype,
      name,
      async function (this: object, ...args: readonly unknown[]): Promise<unknown> {
        pauseAt('before');
        const result: unknown = await Reflect.apply(method, this, args);
        pauseAt('after');
        return result;
      },
    );
  }
}

async function watchLance(): Promise<void> {
  using folder = makeTempDir();
  const connection = await connect(folder.path);
  const table = await connection.createTable('t', [{ id: 1 }]);
  watch(Object.getPrototypeOf(table) as object, ['add', 'delete', 'restore', 'optimize']);
  watch(Object.getPrototypeOf(connection) as object, ['createEmptyTable', 'dropTable']);
  watch(MergeInsertBuilder.prototype, ['execute']);
  connection.close();
}

if (when !== '') await watchLance();
const runtime = openCrashRuntime({ dataDir, baseUrl, name: 'first', leaseTtlMs: 1_000, drainTimeoutMs: 500 });
runtime.on((event) => {
  if (event.type === 'lease.lost') process.stdout.write(`event ${event.type} ${event.failure.code}\n`);
});
try {
  if (mode === 'started') await runtime.start();
  for (let step = 0; ; step += 1) {
    await takeStep(runtime, address, replaySource(Number(seed), address, step).next);
    process.stdout.write(`step ${step}\n`);
  }
} catch (error) {
  process.stdout.write(`ended ${isSynclineError(error) ? error.code : 'unknown'} ${String(error)}\n`);
  if (mode === 'started') process.stdout.write(`runtime ${(await runtime.ended())?.code}\n`);
  await runtime.stop();
  process.exitCode = 3;
}
