-- Work handed to the batch APIs of providers. A text is in at most one job at a time.

create table batch_jobs (
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

create index batch_jobs_untidied on batch_jobs (batch_job_id) where tidied = 0;

create index batch_jobs_by_profile on batch_jobs (profile_id, batch_job_id);

-- Texts in jobs. One without a job was pulled back: it goes the direct way, whatever the policy of its dataset.
create table batch_texts (
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

create index batch_texts_by_job on batch_texts (batch_job_id, request_no, place) where batch_job_id is not null;

-- The job that a pending chunk waits for.
alter table chunks add column batch_job_id integer;

drop index chunks_pending;

create index chunks_pending on chunks (configuration_id, chunk_id)
where embedding_status = 'pending' and batch_job_id is null;

create index chunks_batched on chunks (configuration_id, chunk_id)
where embedding_status = 'pending' and batch_job_id is not null;

-- A text that is in a job waits for it wherever it comes up.
create trigger chunks_batched_new after insert on chunks
when new.embedding_status = 'pending' and exists
  (select 1 from batch_texts where profile_id = new.profile_id and text_hash = new.text_hash)
begin
  update chunks set batch_job_id =
    (select batch_job_id from batch_texts where profile_id = new.profile_id and text_hash = new.text_hash)
  where chunk_id = new.chunk_id;
end;

create trigger chunks_batched_again after update of embedding_status on chunks
when new.embedding_status = 'pending' and old.embedding_status <> 'pending'
begin
  update chunks set batch_job_id =
    (select batch_job_id from batch_texts where profile_id = new.profile_id and text_hash = new.text_hash)
  where chunk_id = new.chunk_id;
end;

-- Whether, and how, a dataset's texts go to batch jobs; none: never.
create table batch_policies (
  dataset_id integer primary key references datasets,
  -- JSON object: mode, minBatchSize, maxWaitMs.
  policy text not null
) strict;
