-- all that is made of the e-mail is made of the masked one
SELECT folded = lower(email) AND shown = '<' || email || '>' AND domain = 'example.com' FROM person WHERE id = 1;
-- NULL and '' stay what they are
SELECT bool_and(folded IS NOT DISTINCT FROM email) FROM person WHERE id > 1;
-- and generated columns stay generated
SELECT count(*) = 3 FROM pg_attribute WHERE attrelid = 'person'::regclass AND attgenerated <> '';
