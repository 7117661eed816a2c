-- How provider accounts stand, as whoever held the lease saw it last: for those who only look. Written when a standing changes.
create table provider_standings (
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
