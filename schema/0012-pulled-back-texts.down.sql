drop trigger batch_texts_left;
