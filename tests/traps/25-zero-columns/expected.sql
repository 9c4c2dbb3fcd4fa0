-- every row is there
SELECT (SELECT count(*) FROM none) = 42 AND (SELECT sum(one) FROM made) = 1;
-- columns that were dropped shift nothing
SELECT b LIKE '%@example.com' AND d = 'kept' AND e = 'late' FROM lost;
