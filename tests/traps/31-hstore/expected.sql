-- one value has changed
SELECT facts->'name' !~ 'Featherstone' AND facts->'age' IS NULL AND facts ? 'age' AND facts->'q"\=>,' = 'x"\=>,'
    FROM person WHERE id = 1;
-- both keys have, and not what they lead to
SELECT bool_and(key LIKE '%@example.com') AND count(*) = 2 AND count(value) = 1
    FROM person, LATERAL each(contacts) WHERE id = 1;
-- and the address that was scrubbed is that of the key
SELECT contacts ? (all_of_it->'a') FROM person WHERE id = 1;
-- nothing stays nothing
SELECT facts = '' AND contacts = '' AND all_of_it = '' FROM person WHERE id = 2;
