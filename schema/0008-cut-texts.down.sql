alter table embeddings drop column embedded_token_count;
