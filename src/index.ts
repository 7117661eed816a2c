// The whole public surface of the library.
export type { DatasetPhase } from './actors/dataset-machine.ts';
export type { Failure } from './actors/failure.ts';
export type {
  BatchApi,
  BatchFile,
  BatchLimits,
  BatchRequest,
  BatchResult,
  BatchSubmission,
  RemoteJob,
} from './batch/batch-api.ts';
export type {
  BatchPolicy,
  DatasetCounts,
  FailedChunk,
  FailureFilter,
  LeaseHolder,
  ProviderStanding,
  ProviderState,
  TaskRecord,
  TaskRefusal,
} from './catalog/catalog.ts';

export type { CatalogSummary, CopyProgress } from './catalog/catalog-files.ts';
export type { CostMode } from './domain/cost.ts';
export type { DocumentFormat, DocumentInput } from './domain/document.ts';
export { type ErrorCode, isSynclineError, SynclineError } from './domain/errors.ts';
export type { FieldType } from './domain/fields.ts';
export type { Filter, FilterValue } from './domain/filter.ts';
export type { Metadata, MetadataValue } from './domain/metadata.ts';
export type { SyncFinding, SyncLevel, SyncProposal, SyncReport } from './domain/sync-report.ts';
export type { EmbedderOptions } from './embedders/choose-embedder.ts';
export type {
  Embedder,
  EmbedderLimits,
  EmbeddingPrice,
  EmbedOptions,
  EmbedResult,
} from './embedders/embedder.ts';
export { createLocalEmbedder } from './embedders/local-embedder.ts';
export { createOpenAiEmbedder } from './embedders/openai-embedder.ts';
export type { HttpApp, HttpOptions } from './http/app.ts';
export type { FileSelection } from './readers/file-rules.ts';
export type { BackfillOptions, BackfillPlan, BackfillResult } from './runtime/backfill.ts';
export type { BackupOptions, BackupResult } from './runtime/backup.ts';
export type { BatchPolicyOptions } from './runtime/batch/batch-policy.ts';
export type { BatchJob } from './runtime/batch/batch-view.ts';
export type {
  Batches,
  BatchFailure,
  BatchRunResult,
  FlushOptions,
  ListBatchesOptions,
  SyncOptions,
} from './runtime/batch/batches.ts';
export type { CatalogReport, StrangeTable } from './runtime/catalog-report.ts';
export type { LoggedCheck } from './runtime/check-log.ts';
export type { ConfigurationSummary } from './runtime/configuration-summary.ts';
export type { CostEntry, CostsOptions } from './runtime/costs.ts';
export type { Runtime, RuntimeStatus } from './runtime/create-runtime.ts';
export type {
  CheckOptions,
  CreateDatasetOptions,
  Dataset,
  DeleteDocumentsResult,
  IngestMode,
  IngestOptions,
  IngestResult,
} from './runtime/dataset.ts';
export type {
  MaintainOptions,
  MaintainResult,
  MaintenanceStatus,
  TableSizes,
} from './runtime/dataset-maintenance.ts';
export type { DatasetStatus, EarlierTable } from './runtime/dataset-status.ts';
export type { RebuildOptions, RollbackOptions, SwitchResult } from './runtime/dataset-tables.ts';
export type { DeclaredDataset, DeclaredDatasets } from './runtime/declared-datasets.ts';
export type { EmbedderChoice } from './runtime/embedder-choice.ts';
export type { EventListener, SynclineEvent } from './runtime/events.ts';
export type { HeldDataset } from './runtime/held-datasets.ts';
export type { ImportedRow, ImportRowsResult, RowSource } from './runtime/import-rows.ts';
export type {
  DatasetText,
  ImportVectorsOptions,
  ImportVectorsResult,
  TextsOptions,
  TextVector,
  VectorSource,
} from './runtime/import-vectors.ts';
export type { SourceStatus } from './runtime/indexing/dataset-sources.ts';
export type { HookOptions, IndexHook, SavedRecords } from './runtime/indexing/index-hook.ts';
export type { ChangedIds, IndexCounts, IndexOptions, IndexResult } from './runtime/indexing/index-options.ts';
export type { RefusedChange } from './runtime/indexing/refused-changes.ts';
export type { DocumentSource, RefusedDocument } from './runtime/ingest.ts';
export type { DatasetSummary, ProjectSummary } from './runtime/list-datasets.ts';
export type { MaintenanceOptions } from './runtime/maintenance-options.ts';
export type { SynclineOptions } from './runtime/options.ts';
export type { Page, PageOptions } from './runtime/page.ts';
export type { PriceOptions } from './runtime/price-book.ts';
export type {
  ProviderModelStatus,
  ProviderStatus,
  ProviderTraffic,
  ProviderWitness,
} from './runtime/providers/provider-status.ts';
export type { ChunkView } from './runtime/read-chunks.ts';
export type { DocumentSummary, StoredDocument } from './runtime/read-documents.ts';
export type { ReconfigureOptions, ReconfigurePlan, ReconfigureResult } from './runtime/reconfigure.ts';
export {
  type RecoveredDataset,
  type RecoverOptions,
  type RecoverProgress,
  type RecoverReport,
  recoverCatalog,
  type UnrecoveredTable,
} from './runtime/recover-catalog.ts';
export { type RestoreOptions, type RestoreResult, restoreCatalog } from './runtime/restore-catalog.ts';
export type {
  ListFailuresOptions,
  RetryFailuresOptions,
  RetryFailuresResult,
} from './runtime/retry-failures.ts';
export type { ScheduleStatus } from './runtime/schedules/dataset-schedules.ts';
export type {
  CronSchedule,
  ScheduleSetting,
  ScheduleSettings,
} from './runtime/schedules/schedule-settings.ts';
export type { SearchMode, SearchOptions, SearchResult } from './runtime/search.ts';
export { defineConfig, type HttpConfig, type SynclineConfig } from './runtime/settings/config.ts';
export {
  type ConfigEntry,
  type LoadConfigOptions,
  type LoadedConfig,
  loadConfig,
} from './runtime/settings/load-config.ts';
export type { SpendOptions } from './runtime/spend-options.ts';
export type { SpendStatus } from './runtime/spend-status.ts';
export type { TaskOptions } from './runtime/task.ts';
export type { EndedRun, ListTasksOptions, Tasks, WaitTaskOptions } from './runtime/tasks.ts';
export { type FolderSourceDefinition, folderSource } from './sources/folder/folder-definition.ts';
export { type JsonlSourceDefinition, jsonlSource } from './sources/jsonl/jsonl-definition.ts';
export { type OpenSourceOptions, openSource } from './sources/open-source.ts';
export type {
  ExtractAllOptions,
  ExtractByIdsOptions,
  RefusedRecord,
  Source,
  SourceDocument,
  SourceId,
  SourceRecord,
} from './sources/source.ts';
export { parseSourceDefinition, type SourceDefinition } from './sources/source-definition.ts';
export {
  type MetadataColumn,
  type SqlSourceDefinition,
  type SqlTableDefinition,
  sqlSource,
} from './sources/sql/sql-definition.ts';
export { createSyncline, type Syncline } from './syncline.ts';
