-- Datasets that wait because a spend cap was reached, as whoever held the lease saw it last: for those who only look.
create table spend_holds (
  dataset_id integer primary key,
  cap text not null check (cap in ('day', 'run')),
  usd_max real not null,
  -- What counted against the cap then, with what was under way.
  spent_usd real not null,
  reached_at_ms integer not null,
  -- When the cap ends by itself.
  until_ms integer
) strict;
