-- Large objects hold anything, outside of every table: they are refused unless the rules say what becomes of them.
CREATE TABLE scan (id int, image oid);
INSERT INTO scan VALUES (1, lo_from_bytea(0, 'Gwenllian Featherstone'));
