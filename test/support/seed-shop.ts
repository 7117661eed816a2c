import { Database } from 'bun:sqlite';
import { type SqlSourceDefinition, sqlSource } from '../../src/index.ts';

/** Five tables with as many rows each, each row one chunk: a shop. */
export const SHOP_TABLES = ['orders', 'customers', 'products', 'invoices', 'tickets'] as const;

/** The database of a shop, with its owner. */
export interface SeedShop {
  readonly source: SqlSourceDefinition;
  readonly rowCount: number;
  /** Writes other text into every tenth row; returns their ids by table. */
  changeTenth(round: number): Record<string, number[]>;
  close(): void;
}

/** Makes the file with `rowsPerTable` rows in each table. */
export function makeSeedShop(path: string, rowsPerTable = 300): SeedShop {
  const database = new Database(path);
  const ids = Array.from({ length: rowsPerTable }, (_, index) => index + 1);
  database.transaction(() => {
    for (const table of SHOP_TABLES) {
      database.exec(
        `create table ${table} (id integer primary key, title text not null, body text not null)`,
      );
      const insert = database.prepare(`insert into ${table} values (?, ?, ?)`);
      for (const id of ids) insert.run(id, `${table} ${id}`, bodyOf(table, id, 0));
    }
  })();
  return {
    source: sqlSource({
      name: 'shop',
      url: path,
      tables: SHOP_TABLES.map((name) => ({ name, key: 'id', title: '{{title}}', content: '{{body}}' })),
    }),
    rowCount: SHOP_TABLES.length * rowsPerTable,
    changeTenth(round) {
      const changed = ids.filter((id) => id % 10 === 0);
      database.transaction(() => {
        for (const table of SHOP_TABLES) {
          const update = database.prepare(`update ${table} set body = ? where id = ?`);
          for (const id of changed) update.run(bodyOf(table, id, round), id);
        }
      })();
      return Object.fromEntries(SHOP_TABLES.map((table) => [table, changed]));
    },
    close: () => database.close(),
  };
}

function bodyOf(table: string, id: number, round: number): string {
  return (
    `Record ${id} of the ${table}, as it was written down in round ${round}. ` +
    `It has a number, ${id * 7919 + round}, a few words about what was agreed on, and nobody else's record reads the same.`
  );
}
