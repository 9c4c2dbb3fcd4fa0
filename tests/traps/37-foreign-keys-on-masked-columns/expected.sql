-- every letter has its sender and its receiver
SELECT count(*) = 50 FROM letter JOIN account ON sender = account.email JOIN person ON receiver = person.email;
-- and the keys are there
SELECT count(*) = 3 AND bool_and(convalidated) FROM pg_constraint WHERE contype = 'f';
