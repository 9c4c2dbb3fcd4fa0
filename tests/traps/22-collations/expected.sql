-- all are still told apart
SELECT count(DISTINCT email) = 200 AND bool_and(email LIKE '%@example.com') FROM person;
-- by the same collation
SELECT collname = 'plain' FROM pg_attribute JOIN pg_collation c ON c.oid = attcollation
    WHERE attrelid = 'person'::regclass AND attname = 'email';
