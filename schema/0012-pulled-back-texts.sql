-- A text that was pulled back from its job is known as such for as long as some chunk has it.
create trigger batch_texts_left after delete on chunks
when old.embedding_status <> 'ready'
begin
  delete from batch_texts
  where profile_id = old.profile_id and text_hash = old.text_hash and batch_job_id is null
    and not exists (select 1 from chunks where text_hash = old.text_hash and profile_id = old.profile_id);
end;

delete from batch_texts
where batch_job_id is null and not exists (
  select 1 from chunks c where c.text_hash = batch_texts.text_hash and c.profile_id = batch_texts.profile_id);
