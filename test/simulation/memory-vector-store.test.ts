import { createSerialQueue } from '../../src/vectors/serial-queue.ts';
import { describeTableContents } from '../conformance/table-contents-suite.ts';
import { describeTableScan } from '../conformance/table-scan-suite.ts';
import { describeVectorSearch } from '../conformance/vector-search-suite.ts';
import { describeForeignCommits } from '../conformance/vector-store-foreign-suite.ts';
import { describeVectorStore, type VectorStorePlace } from '../conformance/vector-store-suite.ts';
import type { StoreCalls } from './memory-table.ts';
import { MemoryDisk } from './memory-tables.ts';
import { createMemoryVectorStore } from './memory-vector-store.ts';

const NAME = 'the vector store of the simulation';

async function makePlace(): Promise<VectorStorePlace> {
  const disk = new MemoryDisk();
  return {
    open() {
      const queue = createSerialQueue();
      const call: StoreCalls = ({ effect, lane }) => {
        const answer = async () => effect();
        return lane === undefined ? answer() : queue.run(answer);
      };
      return createMemoryVectorStore({ disk, call });
    },
    remove: async () => undefined,
  };
}

describeVectorStore(NAME, makePlace);
describeVectorSearch(NAME, makePlace);
describeForeignCommits(`${NAME}, with another writer`, makePlace);
describeTableScan(NAME, makePlace);
describeTableContents(NAME, makePlace);
