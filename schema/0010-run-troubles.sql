-- What runs over sources had trouble with, kept where a person looks.

-- Changes whose deletions were refused: nobody reads them before somebody allows or drops them. NULL for those that are to be read.
alter table noted_changes add column refused_at_ms integer;

drop index noted_changes_by_dataset;

create index noted_changes_by_dataset on noted_changes (dataset_id, refused_at_ms, change_id);

-- Failures in a row since the run was last due by its schedule, and when it is tried again; NULL for not before its next time.
alter table dataset_schedules add column failure_count integer not null default 0 check (failure_count >= 0);

alter table dataset_schedules add column retry_at_ms integer;

-- JSON list of the first records that a task refused, each with its key, a code and a message; the newest tasks alone keep it.
alter table tasks add column refused text;
