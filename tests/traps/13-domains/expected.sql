-- what the domains ask for holds, and nobody is named
SELECT bool_and(email LIKE '%@example.com') AND count(*) = 2 FROM person;
-- smaller steps of an age
SELECT age = 40 AND code = 'AB12CD' AND friends IS NULL FROM person WHERE id = 1;
