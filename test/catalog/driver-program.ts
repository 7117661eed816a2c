import { createLocalDriver } from '../../src/catalog/local/local-driver.ts';
import { statement, statementForEach } from '../../src/catalog/sql-driver.ts';

/** Run as a process of its own: `idle` leaves a driver open and ends; `write` writes until it is killed. */
const [mode, path] = process.argv.slice(2);
const driver = createLocalDriver({ path: path ?? '', access: 'readWrite', busyTimeoutMs: 5_000 });
if (mode === 'idle') await driver.read([statement('select 1')]);
else {
  await driver.setCheckpointing(true);
  for (let turn = 0; ; turn += 1) {
    const rows = Array.from({ length: 100 }, (_, index) => [turn * 100 + index]);
    await driver.write([statementForEach('insert into t (n) values (?)', rows)]);
    if (turn === 20) console.log('written');
  }
}
