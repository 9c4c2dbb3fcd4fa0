-- all are told apart without regard to case
SELECT count(DISTINCT lower(email)) = 300 AND bool_and(email LIKE '%@example.com') FROM person;
-- and those that must be, by their handle
SELECT count(DISTINCT handle) = 100 AND bool_and(handle !~* 'gwen[0-9]') FROM person WHERE active;
