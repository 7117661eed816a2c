CREATE TABLE batch_jobs (
  batch_job_id integer primary key autoincrement,
  -- What it is found by at its provider; never used twice.
  name text not null unique,
  type text not null,
  -- Whose texts were gathered, and who is charged; it may be gone by now.
  dataset_id integer not null,
  profile_id integer not null references embedding_profiles,
  status text not null
    check (status in ('created', 'submitted', 'processing', 'completed', 'failed', 'expired', 'cancelled')),
  -- 1: no text is added any more.
  sealed integer not null default 0 check (sealed in (0, 1)),
  -- 1: what it holds counts against what the provider takes at a time.
  reserved integer not null default 0 check (reserved in (0, 1)),
  -- What somebody wants of it: that it ends, and where its texts go then.
  asked text check (asked in ('cancel', 'pullBack')),
  text_count integer not null default 0,
  request_count integer not null default 0,
  token_count integer not null default 0,
  -- How often an upload, and a submission, was begun: written down before it is.
  upload_count integer not null default 0,
  submission_count integer not null default 0,
  submission_begun_at_ms integer,
  -- The uploaded file; NULL until it is known.
  file_id text,
  -- The provider's id of the job; NULL until it is known.
  external_id text,
  -- JSON: the job as it was last seen at the provider.
  remote text,
  -- JSON list: files of it that lie at the provider.
  files text not null default '[]',
  -- JSON object of counts.
  stats text not null default '{}',
  error text,
  created_at_ms integer not null,
  submitted_at_ms integer,
  processing_at_ms integer,
  finished_at_ms integer,
  looked_at_ms integer,
  -- 1: nothing of it is left at the provider.
  tidied integer not null default 0 check (tidied in (0, 1))
) strict;

CREATE INDEX batch_jobs_by_profile on batch_jobs (profile_id, batch_job_id);

CREATE INDEX batch_jobs_untidied on batch_jobs (batch_job_id) where tidied = 0;

CREATE TABLE batch_policies (
  dataset_id integer primary key references datasets,
  -- JSON object: mode, minBatchSize, maxWaitMs.
  policy text not null
) strict;

CREATE TABLE batch_texts (
  profile_id integer not null,
  text_hash blob not null,
  batch_job_id integer references batch_jobs,
  -- The request that it is in, its place there, and how many texts that request has.
  request_no integer not null,
  place integer not null,
  request_size integer not null,
  token_count integer not null,
  primary key (profile_id, text_hash)
) strict, without rowid;

CREATE INDEX batch_texts_by_job on batch_texts (batch_job_id, request_no, place) where batch_job_id is not null;

CREATE TABLE catalog_identity (
  is_one integer primary key check (is_one = 1),
  catalog_id text not null,
  created_at_ms integer not null
) strict;

CREATE TABLE chunk_queue (
  configuration_id integer not null references configurations,
  document_id integer not null references documents on delete cascade,
  primary key (configuration_id, document_id)
) strict, without rowid;

CREATE INDEX chunk_queue_by_document on chunk_queue (document_id);

CREATE TRIGGER batch_texts_left after delete on chunks
when old.embedding_status <> 'ready'
begin
  delete from batch_texts
  where profile_id = old.profile_id and text_hash = old.text_hash and batch_job_id is null
    and not exists (select 1 from chunks where text_hash = old.text_hash and profile_id = old.profile_id);
end;

CREATE TRIGGER chunks_batched_again after update of embedding_status on chunks
when new.embedding_status = 'pending' and old.embedding_status <> 'pending'
begin
  update chunks set batch_job_id =
    (select batch_job_id from batch_texts where profile_id = new.profile_id and text_hash = new.text_hash)
  where chunk_id = new.chunk_id;
end;

CREATE TRIGGER chunks_batched_new after insert on chunks
when new.embedding_status = 'pending' and exists
  (select 1 from batch_texts where profile_id = new.profile_id and text_hash = new.text_hash)
begin
  update chunks set batch_job_id =
    (select batch_job_id from batch_texts where profile_id = new.profile_id and text_hash = new.text_hash)
  where chunk_id = new.chunk_id;
end;

CREATE TABLE chunks (
  chunk_id integer primary key autoincrement,
  document_id integer not null references documents,
  -- Copied from the document and its dataset, for the indexes below.
  profile_id integer not null,
  ordinal integer not null,
  -- UTF-16 units into the document's content.
  start_offset integer not null,
  end_offset integer not null,
  token_count integer not null,
  embedding_status text not null check (embedding_status in ('pending', 'ready', 'failed')),
  attempt_count integer not null default 0,
  -- SHA-256 of the embedded text.
  text_hash blob not null,
  context text not null,
  last_error text
, configuration_id integer not null default 0, batch_job_id integer) strict;

CREATE INDEX chunks_batched on chunks (configuration_id, chunk_id)
where embedding_status = 'pending' and batch_job_id is not null;

CREATE INDEX chunks_by_configuration on chunks (configuration_id);

CREATE INDEX chunks_by_document on chunks (document_id, configuration_id, ordinal);

CREATE INDEX chunks_by_text on chunks (text_hash, profile_id);

CREATE INDEX chunks_failed on chunks (configuration_id, chunk_id) where embedding_status = 'failed';

CREATE INDEX chunks_pending on chunks (configuration_id, chunk_id)
where embedding_status = 'pending' and batch_job_id is null;

CREATE INDEX chunks_pending_by_document on chunks (document_id, configuration_id) where embedding_status = 'pending';

CREATE TABLE configurations (
  configuration_id integer primary key autoincrement,
  dataset_id integer not null references datasets,
  profile_id integer not null references embedding_profiles,
  -- JSON object: tokensPerChunkMax.
  chunking text not null,
  created_at_ms integer not null,
  unique (dataset_id, profile_id, chunking)
) strict;

CREATE TABLE cost_charges (
  mode text not null,
  seq integer not null,
  request_id text not null,
  primary key (mode, seq),
  unique (mode, request_id)
) strict, without rowid;

CREATE TABLE cost_cursor (
  is_one integer primary key check (is_one = 1),
  chunk_id integer not null
) strict;

CREATE TABLE cost_datasets (
  dataset_id integer primary key,
  address text not null
) strict;

CREATE TABLE cost_days (
  day integer not null,
  -- Stays when the dataset is deleted: what was spent was spent.
  dataset_id integer not null,
  profile_id integer not null references embedding_profiles,
  mode text not null check (mode in ('direct', 'batch', 'query')),
  request_count integer not null,
  text_count integer not null,
  token_count integer not null,
  -- Of these, those that the tokenizer counted because the provider did not say.
  estimated_token_count integer not null,
  -- Of these, those whose price was not known: they are not in the cost.
  unpriced_token_count integer not null,
  cost_pico_usd integer not null,
  -- Of all requests together, however many ran at the same time.
  duration_ms integer not null,
  -- Chunks that became ready without a request, and what that saved.
  reused_text_count integer not null,
  reused_token_count integer not null,
  unpriced_reused_token_count integer not null,
  saved_pico_usd integer not null,
  primary key (day, dataset_id, profile_id, mode)
) strict, without rowid;

CREATE TABLE cost_runs (
  dataset_id integer primary key,
  cost_pico_usd integer not null
) strict;

CREATE VIEW dataset_guard (dataset_id) as select 0 where false;

CREATE TRIGGER dataset_guard_check instead of insert on dataset_guard
begin
  select raise(abort, 'DATASET_NOT_FOUND')
  where not exists (select 1 from datasets where dataset_id = new.dataset_id);
  select raise(abort, 'DATASET_DELETING')
  where exists (select 1 from datasets where dataset_id = new.dataset_id and state = 'deleting');
end;

CREATE TABLE dataset_schedules (
  dataset_id integer not null references datasets,
  run text not null check (run in ('full', 'index')),
  is_on integer not null check (is_on in (0, 1)),
  -- Both NULL: as the default has it.
  cron text,
  time_zone text,
  -- By the clock of whoever runs it: what was due until then was done, or needs not be done any more.
  done_until_ms integer not null,
  -- How the last run ended: NULL for well.
  last_error text,
  last_run_at_ms integer, failure_count integer not null default 0 check (failure_count >= 0), retry_at_ms integer,
  primary key (dataset_id, run)
) strict, without rowid;

CREATE TABLE dataset_sources (
  source_id integer primary key autoincrement,
  dataset_id integer not null references datasets,
  -- The `source` of its documents.
  name text not null,
  -- JSON object, as it is opened; secrets stand in it by the names of their variables.
  definition text not null,
  -- Everything that changed until then was read; NULL until a run of this definition has ended well.
  read_until_ms integer,
  changed_at_ms integer not null,
  unique (dataset_id, name)
) strict;

CREATE TABLE datasets (
  dataset_id integer primary key autoincrement,
  project_id integer not null references projects,
  name text not null,
  fields text not null,
  -- JSON object: tokensPerChunkMax.
  state text not null check (state in ('active', 'deleting')),
  -- The place of the newest change of any document; grows by one per change.
  last_change_seq integer not null default 0,
  created_at_ms integer not null, configuration_id integer references configurations, target_configuration_id integer references configurations,
  unique (project_id, name)
) strict;

CREATE TABLE document_contents (
  document_id integer primary key references documents on delete cascade,
  content text not null
) strict;

CREATE TABLE documents (
  document_id integer primary key autoincrement,
  dataset_id integer not null references datasets,
  source text not null,
  key text not null,
  -- +1 with every change.
  revision integer not null,
  -- 1: deleted, but rows of it may still be in a table. The row goes when they are gone.
  removed integer not null check (removed in (0, 1)),
  format text not null check (format in ('markdown', 'text')),
  -- UTF-16 units of the content, for bounding answers before reading it.
  content_length integer not null,
  content_hash blob not null,
  metadata_hash blob not null,
  change_seq integer not null,
  changed_at_ms integer not null,
  title text not null,
  metadata_json text not null,
  unique (dataset_id, source, key)
) strict;

CREATE INDEX documents_by_change on documents (dataset_id, change_seq);

CREATE INDEX documents_removed on documents (dataset_id) where removed = 1;

CREATE TABLE embedding_profiles (
  profile_id integer primary key autoincrement,
  -- The profile in one line, as profileKey() renders it.
  profile_key text not null unique,
  provider text not null,
  model text not null,
  dimensions integer not null check (dimensions > 0),
  template_version integer not null,
  created_at_ms integer not null
) strict;

CREATE TABLE embeddings (
  embedding_id integer primary key,
  text_hash blob not null,
  profile_id integer not null references embedding_profiles,
  -- float32, little endian.
  vector blob not null,
  created_at_ms integer not null, embedded_token_count integer check (embedded_token_count > 0),
  unique (text_hash, profile_id)
) strict;

CREATE TABLE generations (
  generation_id integer primary key autoincrement,
  dataset_id integer not null references datasets,
  profile_id integer not null references embedding_profiles,
  table_name text not null unique,
  state text not null check (state in ('building', 'serving', 'retired', 'dropping')),
  -- Table version and row count at the last mark; both NULL until the table was created.
  recorded_version integer,
  recorded_row_count integer,
  created_at_ms integer not null
, configuration_id integer not null default 0, retired_at_ms integer) strict;

CREATE INDEX generations_by_configuration on generations (configuration_id);

CREATE INDEX generations_by_dataset on generations (dataset_id);

CREATE UNIQUE INDEX generations_serving on generations (dataset_id) where state = 'serving';

CREATE TABLE incoming (
  incoming_id integer primary key autoincrement,
  dataset_id integer not null references datasets,
  source text not null,
  key text not null,
  kind text not null check (kind in ('upsert', 'delete')),
  format text not null,
  content_length integer not null,
  content_hash blob,
  metadata_hash blob,
  queued_at_ms integer not null,
  title text not null,
  metadata_json text not null,
  content text not null,
  unique (dataset_id, source, key)
) strict;

CREATE INDEX incoming_by_dataset on incoming (dataset_id, incoming_id);

CREATE TABLE index_queue (
  generation_id integer not null references generations,
  document_id integer not null,
  -- The document's change_seq when it was queued.
  queue_seq integer not null,
  revision integer not null,
  -- 1: none of its chunks is pending. Kept in the transactions that change a chunk's status.
  ready integer not null check (ready in (0, 1)),
  -- 1: the table has rows of it, as indexed_chunks tells.
  has_rows integer not null check (has_rows in (0, 1)),
  primary key (generation_id, document_id)
) strict, without rowid;

CREATE INDEX index_queue_by_place on index_queue (generation_id, queue_seq);

CREATE INDEX index_queue_ready on index_queue (generation_id, has_rows, queue_seq) where ready = 1;

CREATE TABLE indexed_chunks (
  generation_id integer not null references generations,
  document_id integer not null,
  chunk_id integer not null,
  -- 64 bits over id, text hash and metadata hash.
  fingerprint integer not null,
  primary key (generation_id, document_id, chunk_id)
) strict, without rowid;

CREATE VIEW lease_guard (token) as select 0 where false;

CREATE TRIGGER lease_guard_check instead of insert on lease_guard
begin
  select raise(abort, 'LEASE_LOST')
  where not exists (select 1 from leases where token = new.token and holder_id is not null);
end;

CREATE TABLE leases (
  name text primary key check (name = 'worker'),
  token integer not null,
  -- NULL when nobody holds it.
  holder_id text,
  pid integer not null,
  host text not null,
  started_at_ms integer not null,
  expires_at_ms integer not null
) strict, without rowid;

CREATE TABLE noted_changes (
  change_id integer primary key autoincrement,
  dataset_id integer not null references datasets,
  source_table text not null,
  -- The id, as JSON.
  id_json text not null,
  noted_at_ms integer not null, refused_at_ms integer,
  unique (dataset_id, source_table, id_json)
) strict;

CREATE INDEX noted_changes_by_dataset on noted_changes (dataset_id, refused_at_ms, change_id);

CREATE TABLE projects (
  project_id integer primary key autoincrement,
  name text not null unique,
  created_at_ms integer not null
) strict;

CREATE TABLE provider_standings (
  -- The holder of the lease who saw it; one that holds it no more is history.
  holder_id text not null,
  -- What the holder calls the account; neither a key nor a digest of one is stored.
  provider_id text not null,
  -- 'openai', or the server's host.
  provider text not null,
  state text not null check (state in ('available', 'throttled', 'unavailable', 'probing')),
  since_ms integer not null,
  failure_code text,
  failure_message text,
  is_retryable integer not null default 0 check (is_retryable in (0, 1)),
  failed_at_ms integer,
  -- When it is tried again.
  wait_until_ms integer,
  open_count integer not null,
  noted_at_ms integer not null,
  primary key (holder_id, provider_id)
) strict, without rowid;

CREATE TABLE schema_migrations (
  number integer primary key,
  name text not null,
  -- SHA-256 (hex) of the file that was applied: an edited migration is noticed.
  checksum text not null,
  applied_at_ms integer not null
) strict;

CREATE TABLE spend_holds (
  dataset_id integer primary key,
  cap text not null check (cap in ('day', 'run')),
  usd_max real not null,
  -- What counted against the cap then, with what was under way.
  spent_usd real not null,
  reached_at_ms integer not null,
  -- When the cap ends by itself.
  until_ms integer
) strict;

CREATE TABLE tasks (
  task_id integer primary key autoincrement,
  dataset_id integer,
  kind text not null,
  state text not null check (state in ('running', 'succeeded', 'failed', 'cancelled')),
  -- Token of the lease it was started under: a task of a former holder was cut short.
  lease_token integer not null,
  started_at_ms integer not null,
  finished_at_ms integer,
  -- JSON object of counts.
  progress text not null,
  error text
, refused text) strict;

CREATE INDEX tasks_by_dataset on tasks (dataset_id, task_id);

CREATE INDEX tasks_running on tasks (task_id) where state = 'running';

CREATE VIEW tombstones (generation_id, document_id, chunk_id) as
select generation_id, document_id, chunk_id
from indexed_chunks
where not exists (select 1 from chunks where chunks.chunk_id = indexed_chunks.chunk_id);
