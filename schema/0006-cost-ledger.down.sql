drop table cost_runs;

drop table cost_cursor;

drop table cost_datasets;

drop table cost_charges;

drop table cost_days;
