-- Large objects that are left out: the numbers that point to them stay, and point to nothing.
CREATE TABLE scan (id int, image oid);
INSERT INTO scan VALUES (1, lo_from_bytea(4711, 'Gwenllian Featherstone')), (2, NULL);
COMMENT ON LARGE OBJECT 4711 IS 'Gwenllian Featherstone';
