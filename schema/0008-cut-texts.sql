-- A text that is longer than its model takes: how many of its tokens, from its beginning, its vector was made of.
alter table embeddings add column embedded_token_count integer check (embedded_token_count > 0);
