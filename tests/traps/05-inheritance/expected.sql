-- each row stays where it was
SELECT array_agg(tableoid::regclass::text ORDER BY id) = '{person,member,patron}' FROM person;
-- and is in no table twice
SELECT (SELECT count(*) FROM ONLY person) = 1 AND (SELECT count(*) FROM ONLY member) = 1;
-- all are masked, and dates moved unless they are nobody's
SELECT bool_and(name !~ 'Featherstone') AND bool_and(since <> '2020-02-29') AND bool_or(since = 'infinity') FROM member;
