-- nothing was noted while rows were loaded
SELECT count(*) = 1 AND bool_and(was LIKE '%@example.com') FROM audit;
-- nothing was put into capitals
SELECT bool_and(email = lower(email)) FROM person;
-- the audit's address is that of the person
SELECT was = email FROM audit, person WHERE id = 2;
-- the trigger is there, and always fires
SELECT tgenabled = 'A' FROM pg_trigger WHERE tgname = 'noted';
