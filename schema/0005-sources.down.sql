drop table noted_changes;

drop table dataset_schedules;

drop table dataset_sources;
