alter table tasks drop column refused;

alter table dataset_schedules drop column retry_at_ms;

alter table dataset_schedules drop column failure_count;

drop index noted_changes_by_dataset;

alter table noted_changes drop column refused_at_ms;

create index noted_changes_by_dataset on noted_changes (dataset_id, change_id);
