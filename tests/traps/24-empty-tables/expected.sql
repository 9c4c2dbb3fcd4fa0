-- nothing is made of nothing
SELECT (SELECT count(*) FROM nothing) + (SELECT count(*) FROM gone) = 0;
-- NULL and '' stay
SELECT count(*) = 2 AND count(a) = 0 AND count(b) = 1 AND max(b) = '' FROM only_nulls;
