-- it is masked and still unlogged
SELECT email LIKE '%@example.com' AND relpersistence = 'u' FROM cache, pg_class WHERE oid = 'cache'::regclass;
-- its sequence goes on
SELECT nextval('counter') = 6;
