drop table batch_policies;

drop trigger chunks_batched_again;

drop trigger chunks_batched_new;

drop index chunks_batched;

drop index chunks_pending;

alter table chunks drop column batch_job_id;

create index chunks_pending on chunks (configuration_id, chunk_id) where embedding_status = 'pending';

drop table batch_texts;

drop table batch_jobs;
