-- a range is as long as it was, and elsewhere
SELECT upper(at) - lower(at) = 30 AND lower(at) <> '2020-01-31' FROM stay WHERE id = 1;
-- each of many is
SELECT upper(range_merge(of_all)) IS NULL AND lower(of_all) <> '2020-01-01' FROM stay WHERE id = 1;
-- nothing and everything stay that
SELECT isempty(at) AND of_all = '{}' AND lower(seen) = '-infinity' AND names IS NULL FROM stay WHERE id = 2;
