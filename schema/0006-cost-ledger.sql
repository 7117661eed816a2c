-- What embedding costs: sums of a day (days since 1970-01-01, UTC). Money is in 10^-12 US dollars.

create table cost_days (
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

-- The newest charges by their ids, so that none is counted twice.
create table cost_charges (
  mode text not null,
  seq integer not null,
  request_id text not null,
  primary key (mode, seq),
  unique (mode, request_id)
) strict, without rowid;

-- The names of datasets that have costs, also of those that are gone.
create table cost_datasets (
  dataset_id integer primary key,
  address text not null
) strict;

-- The largest chunk id before the transaction that is under way: what it adds is looked through for reused texts.
create table cost_cursor (
  is_one integer primary key check (is_one = 1),
  chunk_id integer not null
) strict;

insert into cost_cursor (is_one, chunk_id) values (1, 0);

-- What a dataset's run has cost so far; see the cap on a run.
create table cost_runs (
  dataset_id integer primary key,
  cost_pico_usd integer not null
) strict;
