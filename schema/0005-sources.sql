-- Where the documents of a dataset come from, when that is to be looked at, and what is known to have changed there.

create table dataset_sources (
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

-- What a dataset is told besides the default: a row per kind of run.
create table dataset_schedules (
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
  last_run_at_ms integer,
  primary key (dataset_id, run)
) strict, without rowid;

-- Records that are known to have changed and were not read yet. A row with both texts empty stands for all records.
create table noted_changes (
  change_id integer primary key autoincrement,
  dataset_id integer not null references datasets,
  source_table text not null,
  -- The id, as JSON.
  id_json text not null,
  noted_at_ms integer not null,
  unique (dataset_id, source_table, id_json)
) strict;

create index noted_changes_by_dataset on noted_changes (dataset_id, change_id);
