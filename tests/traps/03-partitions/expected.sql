-- every row is in the partition where it was
SELECT array_agg(DISTINCT tableoid::regclass::text ORDER BY tableoid::regclass::text)
    = '{visit_2024_rest,visit_2024_uk,visit_rest}' AND count(*) = 40 FROM visit;
-- every address is another, each its own
SELECT count(DISTINCT email) = 40 AND bool_and(email LIKE '%@example.com') FROM visit;
-- the note names the same person by the same pseudonym
SELECT bool_and(body = 'from ' || email) FROM note JOIN visit ON id = visit;
-- the foreign key stands on the partitioned table
SELECT count(*) = 1 FROM pg_constraint
    WHERE conrelid = 'note'::regclass AND conparentid = 0 AND contype = 'f' AND convalidated;
