import type { DatasetRecord } from '../catalog/catalog.ts';
import { formatAddress, parseProjectName } from '../domain/address.ts';
import { profileKey } from '../domain/embedding-profile.ts';
import { isSynclineError } from '../domain/errors.ts';
import type { FieldTypes } from '../domain/fields.ts';
import type { RuntimeCore } from './core.ts';
import { type Page, type PageOptions, readPage } from './page.ts';

/** What a dataset was made with; how it is doing tells `status()`. */
export interface DatasetSummary {
  /** `project/dataset`. */
  readonly address: string;
  /** `provider/model@dimensions tN`. */
  readonly profile: string;
  readonly fields: FieldTypes;
  readonly tokensPerChunkMax: number;
  /** Unix milliseconds. */
  readonly createdAtMs: number;
  /** It is on its way out: it is found no more, and only its table and rows are still being removed. */
  readonly isDeleting: boolean;
}

/** See `Runtime.listDatasets`. */
export async function listDatasets(
  core: RuntimeCore,
  page: PageOptions & { readonly project?: string },
): Promise<Page<DatasetSummary>> {
  const { items, next } = await listRecords(core, page);
  return { items: items.map(summaryOf), next };
}

/** A page of the datasets as the catalog has them. A catalog that is not there yet has none. */
export function listRecords(
  core: RuntimeCore,
  { project, ...page }: PageOptions & { readonly project?: string },
): Promise<Page<DatasetRecord>> {
  const only = project === undefined ? {} : { project: parseProjectName(project) };
  return readPage(
    page,
    async (afterDatasetId = 0, limit) => {
      try {
        return await (await core.catalog()).listDatasets({ ...only, afterDatasetId, limit });
      } catch (error) {
        if (isSynclineError(error, 'CATALOG_MISSING')) return [];
        throw error;
      }
    },
    ({ datasetId }) => datasetId,
  );
}

/** A project, which is there as long as it has datasets. */
export interface ProjectSummary {
  readonly name: string;
  readonly datasetCount: number;
}

/** See `Runtime.listProjects`. */
export async function listProjects(core: RuntimeCore, page: PageOptions): Promise<Page<ProjectSummary>> {
  const { items, next } = await readPage(
    page,
    async (afterProjectId = 0, limit) => {
      try {
        return await (await core.catalog()).listProjects({ afterProjectId, limit });
      } catch (error) {
        if (isSynclineError(error, 'CATALOG_MISSING')) return [];
        throw error;
      }
    },
    ({ projectId }) => projectId,
  );
  return { items: items.map(({ name, datasetCount }) => ({ name, datasetCount })), next };
}

export function summaryOf({
  address,
  profile,
  fields,
  chunking,
  createdAtMs,
  state,
}: DatasetRecord): DatasetSummary {
  return {
    address: formatAddress(address),
    profile: profileKey(profile),
    fields,
    tokensPerChunkMax: chunking.tokensPerChunkMax,
    createdAtMs,
    isDeleting: state === 'deleting',
  };
}
