/* A writer for the tests to kill: commits to one table, and maintains it, until it is ended. Says when it has begun. */
import { createLanceVectorStore } from '../../src/vectors/lance-vector-store.ts';
import { row } from '../vectors/table-fixtures.ts';

const [folder = '', dimensions = '3', name = 't'] = process.argv.slice(2);
const spec = { dimensions: Number(dimensions), fields: {} };
const store = createLanceVectorStore({ uri: folder, durable: false, cleanupGraceMs: 0 });
const table = await store.openTable(name, spec);

const ROWS_PER_COMMIT = 200;
let firstId = (await table.state()).rowCount + 1;
process.stdout.write('begun\n');
for (let commit = 1; ; commit += 1) {
  const rows = Array.from({ length: ROWS_PER_COMMIT }, (_, index) => row(firstId + index, firstId + index));
  const vectors = new Float32Array(ROWS_PER_COMMIT * spec.dimensions).fill(1);
  const { version } = await table.append({ rows: rows.map((made) => ({ ...made, fields: {} })), vectors });
  firstId += ROWS_PER_COMMIT;
  if (commit % 3 === 0) await table.maintain({ recordedVersion: version });
}
