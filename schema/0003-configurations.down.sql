-- Keeps what the active configuration of each dataset has; generations of other configurations are to be dropped.
update generations set state = 'dropping'
where configuration_id <> (select configuration_id from datasets d where d.dataset_id = generations.dataset_id);

delete from index_queue
where generation_id in (select generation_id from generations where state <> 'serving' and state <> 'building');

drop table chunk_queue;

drop index generations_by_configuration;

alter table generations drop column retired_at_ms;

alter table generations drop column configuration_id;

alter table chunks add column dataset_id integer not null default 0;

update chunks set dataset_id = (select dataset_id from documents d where d.document_id = chunks.document_id);

delete from chunks
where configuration_id <> (select configuration_id from datasets d where d.dataset_id = chunks.dataset_id);

drop index chunks_by_document;

drop index chunks_by_configuration;

drop index chunks_pending;

drop index chunks_pending_by_document;

drop index chunks_failed;

alter table chunks drop column configuration_id;

create index chunks_by_document on chunks (document_id, ordinal);

create index chunks_by_dataset on chunks (dataset_id);

create index chunks_pending on chunks (dataset_id, chunk_id) where embedding_status = 'pending';

create index chunks_pending_by_document on chunks (document_id) where embedding_status = 'pending';

create index chunks_failed on chunks (dataset_id, chunk_id) where embedding_status = 'failed';

-- A column that refers to another table starts as NULL in SQLite.
alter table datasets add column profile_id integer references embedding_profiles;

alter table datasets add column chunking text not null default '{}';

update datasets
set profile_id = (select profile_id from configurations c where c.configuration_id = datasets.configuration_id),
    chunking = (select chunking from configurations c where c.configuration_id = datasets.configuration_id),
    configuration_id = null, target_configuration_id = null;

alter table datasets drop column target_configuration_id;

alter table datasets drop column configuration_id;

drop table configurations;
