drop trigger lease_guard_check;
drop view lease_guard;
drop table leases;
drop table schema_migrations;
