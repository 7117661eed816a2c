import { openCatalog } from '../../src/catalog/open-catalog.ts';
import type { SqlCatalog } from '../../src/catalog/sql-catalog.ts';
import { type CatalogUnderTest, describeCatalog } from '../conformance/catalog-suite.ts';
import { makeTempDir } from '../support/temp-dir.ts';

describeCatalog('a local', async (): Promise<CatalogUnderTest> => {
  const dir = makeTempDir();
  const opened: SqlCatalog[] = [];
  return {
    async open() {
      const catalog = await openCatalog({ url: dir.join('data', 'catalog.db'), access: 'readWrite' });
      opened.push(catalog);
      return catalog;
    },
    async dispose() {
      await Promise.all(opened.map((catalog) => catalog.close()));
      dir.remove();
    },
  };
});
