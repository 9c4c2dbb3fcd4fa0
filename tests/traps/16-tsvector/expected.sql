-- it is empty
SELECT bool_and(words = '') AND bool_and(asked IS NULL) FROM page;
-- and that which is generated knows the letter and not its writer
SELECT said @@ to_tsquery('english', 'letter') AND NOT said @@ to_tsquery('english', 'bigcorp') FROM page WHERE id = 1;
