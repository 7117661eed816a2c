import type { z } from 'zod';
import { SynclineError } from '../domain/errors.ts';
import type { Filter } from '../domain/filter.ts';
import { SYNC_KINDS } from '../domain/sync-report.ts';
import type { Runtime } from '../runtime/create-runtime.ts';
import type { SwitchResult } from '../runtime/dataset-tables.ts';
import type { IndexOptions, IndexResult } from '../runtime/indexing/index-options.ts';
import type { SearchOptions, SearchResult } from '../runtime/search.ts';
import { READS, REMOVES, WRITES } from './annotations.ts';
import type { AddTool, McpParts } from './create-mcp-server.ts';
import {
  checkInput,
  checkOutput,
  indexInput,
  indexOutput,
  listInput,
  listOutput,
  rebuildInput,
  rebuildOutput,
  refusedAnswer,
  searchAnswer,
  searchInput,
  searchOutput,
  statusAnswer,
  statusOutput,
  taskAnswer,
  taskInput,
  taskOutput,
} from './schemas.ts';
import { type BeginWork, underWay } from './shared-work.ts';
import { readWorker } from './worker-tools.ts';

/** The tools that are about datasets. */
export function addDatasetTools(parts: McpParts, add: AddTool): void {
  addSearching(parts, add);
  addLooking(parts, add);
  addTasks(parts, add);
  addWorking(parts, add);
}

function addSearching({ runtime }: McpParts, add: AddTool): void {
  add({
    name: 'search',
    title: 'Search',
    description: 'Finds the passages that fit a query best, in one dataset or in all datasets of a project.',
    input: searchInput,
    output: searchOutput,
    annotations: READS,
    async run({ query, dataset, project, limit, mode, filter }, signal) {
      // Checked against the fields of the dataset, which are not known here.
      const options = { limit, mode, signal, ...(filter && { filter: filter as unknown as Filter }) };
      return searchAnswer(await searchIn(runtime, { dataset, project }, query, options));
    },
    toText({ results }) {
      if (results.length === 0) return 'Nothing was found.';
      const passages = results.map(
        ({ dataset, source, key, context, text }) => `[${dataset} ${source} ${key}] ${context}\n${text}`,
      );
      return passages.join('\n\n');
    },
  });
}

async function searchIn(
  runtime: Runtime,
  { dataset, project }: { readonly dataset: string | undefined; readonly project: string | undefined },
  query: string,
  options: SearchOptions,
): Promise<SearchResult[]> {
  if (dataset !== undefined) return runtime.dataset(dataset).search(query, options);
  return runtime.search(project ?? (await onlyProject(runtime)), query, options);
}

/** Datasets that are looked at to find out that there is one project only. */
const DATASETS_LOOKED_AT = 500;

async function onlyProject(runtime: Runtime): Promise<string> {
  const { items } = await runtime.listDatasets({ limit: DATASETS_LOOKED_AT });
  const projects = [...new Set(items.map(({ address }) => address.slice(0, address.indexOf('/'))))];
  const [project] = projects;
  if (project !== undefined && projects.length === 1) return project;
  const there = projects.length === 0 ? 'there is none yet' : `there are ${projects.slice(0, 20).join(', ')}`;
  throw new SynclineError('INVALID_QUERY', `Give a dataset or a project to search: ${there}.`);
}

function addLooking({ runtime, explain, work }: McpParts, add: AddTool): void {
  add({
    name: 'list_datasets',
    title: 'List datasets',
    description: 'Lists datasets in the order in which they were created, and tells how the worker is doing.',
    input: listInput,
    output: listOutput,
    annotations: READS,
    async run({ project, after, limit }) {
      const { items, next } = await runtime.listDatasets({
        limit,
        ...(project !== undefined && { project }),
        ...(after !== undefined && { after }),
      });
      const datasets = items.map(({ address, profile }) => ({ address, profile }));
      const { usdPerDayMax, usdPerRunMax, spentTodayUsd, held } = await runtime.spend();
      const spend = {
        ...(usdPerDayMax !== undefined && { usdPerDayMax }),
        ...(usdPerRunMax !== undefined && { usdPerRunMax }),
        spentTodayUsd,
        held: held.map(({ address }) => address),
      };
      return { datasets, worker: await readWorker(runtime), spend, ...(next !== undefined && { next }) };
    },
  });
  add({
    name: 'dataset_status',
    title: 'Dataset status',
    description: 'Tells what of a dataset is indexed, what waits, what failed, and what is done with it now.',
    input: checkInput.pick({ dataset: true }),
    output: statusOutput,
    annotations: READS,
    run: async ({ dataset }) => statusAnswer(await runtime.dataset(dataset).status(), explain),
  });
  add({
    name: 'check',
    title: 'Check a dataset',
    description: 'Compares the table that is searched with the catalog, and changes nothing.',
    input: checkInput,
    output: checkOutput,
    annotations: READS,
    async run({ dataset, level, waitSeconds }) {
      const run = () => runtime.dataset(dataset).check({ level });
      const waited = await work.waitFor(`check ${level} ${dataset}`, run, waitSeconds * 1_000);
      if (!waited.isDone) return { isDone: false };
      const { inSync, proposal, catalogRowCount, tableRowCount, ...report } = waited.result;
      const findings = Object.fromEntries(SYNC_KINDS.map((kind) => [kind, report[kind].count]));
      return { isDone: true, inSync, proposal, catalogRowCount, tableRowCount, findings };
    },
  });
}

function addTasks({ runtime, explain }: McpParts, add: AddTool): void {
  add({
    name: 'task',
    title: 'Read a task',
    description:
      'Tells how far a long piece of work is, or how it ended: counts, why it failed, and the first records that it did not take in.',
    input: taskInput,
    output: taskOutput,
    annotations: READS,
    run: async ({ taskId, waitSeconds }, signal) =>
      taskAnswer(await runtime.tasks.wait(taskId, { timeoutMs: waitSeconds * 1_000, signal }), explain),
  });
}

/** Options of the library are absent or have a value, never `undefined`. */
function given({
  changedIds,
  source,
  ...options
}: Omit<z.infer<typeof indexInput>, 'dataset' | 'waitSeconds'>): IndexOptions {
  return { ...options, ...(changedIds && { changedIds }), ...(source !== undefined && { source }) };
}

function addWorking({ runtime, work, explain }: McpParts, add: AddTool): void {
  add({
    name: 'index',
    title: 'Index a dataset',
    description:
      'Brings a dataset in line with its sources and does everything that waits: queued documents, pending texts, unwritten rows. Documents that its sources do not have any more are removed.',
    input: indexInput,
    output: indexOutput,
    annotations: REMOVES,
    async run({ dataset, waitSeconds, ...options }) {
      const run: BeginWork<IndexResult> = (onTask) =>
        runtime.dataset(dataset).index({ ...given(options), onTask });
      const waited = await work.waitFor(
        `index ${JSON.stringify(options)} ${dataset}`,
        run,
        waitSeconds * 1_000,
      );
      if (!waited.isDone) return underWay(waited);
      const { refused, ...counts } = waited.result;
      return { isDone: true, ...counts, refused: refusedAnswer(refused, explain) };
    },
  });
  add({
    name: 'rebuild',
    title: 'Rebuild a dataset',
    description:
      'Builds a new table from the vectors in the catalog, without paying for any, and switches to it; the present one serves until then and is kept.',
    input: rebuildInput,
    output: rebuildOutput,
    annotations: { ...WRITES, idempotentHint: false },
    async run({ dataset, waitSeconds }) {
      const run: BeginWork<SwitchResult> = (onTask) => runtime.dataset(dataset).rebuild({ onTask });
      const waited = await work.waitFor(`rebuild ${dataset}`, run, waitSeconds * 1_000);
      return waited.isDone ? { isDone: true, ...waited.result } : underWay(waited);
    },
  });
}
