-- The catalog. Times are Unix milliseconds of the catalog's own clock. Ids are never used twice (AUTOINCREMENT).

create table projects (
  project_id integer primary key autoincrement,
  name text not null unique,
  created_at_ms integer not null
) strict;

create table embedding_profiles (
  profile_id integer primary key autoincrement,
  -- The profile in one line, as profileKey() renders it.
  profile_key text not null unique,
  provider text not null,
  model text not null,
  dimensions integer not null check (dimensions > 0),
  template_version integer not null,
  created_at_ms integer not null
) strict;

create table datasets (
  dataset_id integer primary key autoincrement,
  project_id integer not null references projects,
  name text not null,
  profile_id integer not null references embedding_profiles,
  -- JSON object: field name -> type.
  fields text not null,
  -- JSON object: tokensPerChunkMax.
  chunking text not null,
  state text not null check (state in ('active', 'deleting')),
  -- The place of the newest change of any document; grows by one per change.
  last_change_seq integer not null default 0,
  created_at_ms integer not null,
  unique (project_id, name)
) strict;

-- Writes into a dataset start with `insert into dataset_guard values (dataset_id)`.
create view dataset_guard (dataset_id) as select 0 where false;

create trigger dataset_guard_check instead of insert on dataset_guard
begin
  select raise(abort, 'DATASET_NOT_FOUND')
  where not exists (select 1 from datasets where dataset_id = new.dataset_id);
  select raise(abort, 'DATASET_DELETING')
  where exists (select 1 from datasets where dataset_id = new.dataset_id and state = 'deleting');
end;

create table documents (
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

create index documents_by_change on documents (dataset_id, change_seq);

create index documents_removed on documents (dataset_id) where removed = 1;

-- Apart from documents, so that looking one up never reads past its content.
create table document_contents (
  document_id integer primary key references documents on delete cascade,
  content text not null
) strict;

-- Changes that wait to be cut into chunks; at most one per document, the newest.
create table incoming (
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

create index incoming_by_dataset on incoming (dataset_id, incoming_id);

create table chunks (
  chunk_id integer primary key autoincrement,
  document_id integer not null references documents,
  -- Copied from the document and its dataset, for the indexes below.
  dataset_id integer not null,
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
) strict;

create index chunks_by_document on chunks (document_id, ordinal);

create index chunks_by_dataset on chunks (dataset_id);

create index chunks_by_text on chunks (text_hash, profile_id);

create index chunks_pending on chunks (dataset_id, chunk_id) where embedding_status = 'pending';

create index chunks_pending_by_document on chunks (document_id) where embedding_status = 'pending';

create index chunks_failed on chunks (dataset_id, chunk_id) where embedding_status = 'failed';

-- A rowid table: with big blobs, WITHOUT ROWID triples the file (reference/libsql.md, section 6).
create table embeddings (
  embedding_id integer primary key,
  text_hash blob not null,
  profile_id integer not null references embedding_profiles,
  -- float32, little endian.
  vector blob not null,
  created_at_ms integer not null,
  unique (text_hash, profile_id)
) strict;

create table generations (
  generation_id integer primary key autoincrement,
  dataset_id integer not null references datasets,
  profile_id integer not null references embedding_profiles,
  table_name text not null unique,
  state text not null check (state in ('building', 'serving', 'retired', 'dropping')),
  -- Table version and row count at the last mark; both NULL until the table was created.
  recorded_version integer,
  recorded_row_count integer,
  created_at_ms integer not null
) strict;

create index generations_by_dataset on generations (dataset_id);

create unique index generations_serving on generations (dataset_id) where state = 'serving';

-- What a generation's table holds, as of its last mark.
create table indexed_chunks (
  generation_id integer not null references generations,
  document_id integer not null,
  chunk_id integer not null,
  -- 64 bits over id, text hash and metadata hash.
  fingerprint integer not null,
  primary key (generation_id, document_id, chunk_id)
) strict, without rowid;

-- Rows whose chunk is gone: they leave the table with their document's next write.
create view tombstones (generation_id, document_id, chunk_id) as
select generation_id, document_id, chunk_id
from indexed_chunks
where not exists (select 1 from chunks where chunks.chunk_id = indexed_chunks.chunk_id);

-- Documents whose newest state is not in a generation's table.
create table index_queue (
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

create index index_queue_by_place on index_queue (generation_id, queue_seq);

create index index_queue_ready on index_queue (generation_id, has_rows, queue_seq) where ready = 1;

create table tasks (
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
) strict;

create index tasks_by_dataset on tasks (dataset_id, task_id);

create index tasks_running on tasks (task_id) where state = 'running';
