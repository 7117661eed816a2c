-- What has to exist before anything else can be done: the list of applied migrations, and the lease.

create table schema_migrations (
  number integer primary key,
  name text not null,
  -- SHA-256 (hex) of the file that was applied: an edited migration is noticed.
  checksum text not null,
  applied_at_ms integer not null
) strict;

-- One row for ever: its token only grows, so that a former holder can never look like the current one.
create table leases (
  name text primary key check (name = 'worker'),
  token integer not null,
  -- NULL when nobody holds it.
  holder_id text,
  pid integer not null,
  host text not null,
  started_at_ms integer not null,
  expires_at_ms integer not null
) strict, without rowid;

-- Fencing: every write transaction of a lease holder starts with `insert into lease_guard values (token)`.
create view lease_guard (token) as select 0 where false;

create trigger lease_guard_check instead of insert on lease_guard
begin
  select raise(abort, 'LEASE_LOST')
  where not exists (select 1 from leases where token = new.token and holder_id is not null);
end;
