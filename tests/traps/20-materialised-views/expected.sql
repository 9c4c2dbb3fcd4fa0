-- it holds what the table holds now
SELECT directory.name = upper(person.name) AND directory.email = person.email FROM directory, person;
-- one made of the other, too
SELECT a_second.name = directory.name AND a_second.name !~ 'FEATHERSTONE' FROM a_second, directory;
-- what was not filled is not
SELECT NOT relispopulated FROM pg_class WHERE relname = 'unfilled';
