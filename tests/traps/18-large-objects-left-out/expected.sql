-- there are none
SELECT count(*) = 0 FROM pg_largeobject_metadata;
-- the rows are
SELECT count(*) = 2 AND bool_or(image = 4711) FROM scan;
