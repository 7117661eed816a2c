-- What tables say whose they are by. A copy of a catalog has the same id.
create table catalog_identity (
  is_one integer primary key check (is_one = 1),
  catalog_id text not null,
  created_at_ms integer not null
) strict;

insert into catalog_identity (is_one, catalog_id, created_at_ms)
values (1, lower(hex(randomblob(16))), cast(unixepoch('subsec') * 1000 as integer));
