-- every row came through
SELECT count(*) = 2 AND bool_and(email LIKE '%@example.com') FROM person;
-- the policies are in force
SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = 'person'::regclass;
-- both of them
SELECT count(*) = 2 FROM pg_policy;
