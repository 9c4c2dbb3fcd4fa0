-- the extension is there, and the table that was its own is not
SELECT to_regclass('settings') IS NULL AND count(*) = 1 FROM pg_extension WHERE extname = 'pg_trgm';
-- the index that needs it finds pseudonyms
SELECT name !~ 'Featherstone' AND name % name FROM person;
