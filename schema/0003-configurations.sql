-- A dataset can have several configurations (embedding profile and chunking): the active one, which serves; the target of a
-- reconfiguration; and those of retired generations. Chunks belong to a document under a configuration.

create table configurations (
  configuration_id integer primary key autoincrement,
  dataset_id integer not null references datasets,
  profile_id integer not null references embedding_profiles,
  -- JSON object: tokensPerChunkMax.
  chunking text not null,
  created_at_ms integer not null,
  unique (dataset_id, profile_id, chunking)
) strict;

insert into configurations (dataset_id, profile_id, chunking, created_at_ms)
select dataset_id, profile_id, chunking, created_at_ms from datasets order by dataset_id;

alter table datasets add column configuration_id integer references configurations;

-- Where a reconfiguration is on its way to; NULL without one.
alter table datasets add column target_configuration_id integer references configurations;

update datasets
set configuration_id = (select configuration_id from configurations c where c.dataset_id = datasets.dataset_id);

alter table datasets drop column chunking;

alter table datasets drop column profile_id;

-- 0 is nobody's: every row has one. (SQLite wants a default for a new column that may not be NULL.)
alter table chunks add column configuration_id integer not null default 0;

update chunks
set configuration_id = (select configuration_id from datasets d where d.dataset_id = chunks.dataset_id);

drop index chunks_by_document;

drop index chunks_by_dataset;

drop index chunks_pending;

drop index chunks_pending_by_document;

drop index chunks_failed;

alter table chunks drop column dataset_id;

create index chunks_by_document on chunks (document_id, configuration_id, ordinal);

create index chunks_by_configuration on chunks (configuration_id);

create index chunks_pending on chunks (configuration_id, chunk_id) where embedding_status = 'pending';

create index chunks_pending_by_document on chunks (document_id, configuration_id) where embedding_status = 'pending';

create index chunks_failed on chunks (configuration_id, chunk_id) where embedding_status = 'failed';

-- Documents whose chunks under a configuration are not those of their present content.
create table chunk_queue (
  configuration_id integer not null references configurations,
  document_id integer not null references documents on delete cascade,
  primary key (configuration_id, document_id)
) strict, without rowid;

create index chunk_queue_by_document on chunk_queue (document_id);

alter table generations add column configuration_id integer not null default 0;

alter table generations add column retired_at_ms integer;

update generations
set configuration_id = (select configuration_id from datasets d where d.dataset_id = generations.dataset_id),
    retired_at_ms = iif(state = 'retired', created_at_ms, null);

create index generations_by_configuration on generations (configuration_id);
