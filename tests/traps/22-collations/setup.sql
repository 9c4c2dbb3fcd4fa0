-- Columns and indexes with collations of their own, which only the schema knows.
CREATE COLLATION plain (provider = builtin, locale = 'C.UTF-8');
CREATE TABLE person (email text COLLATE plain UNIQUE, name text COLLATE "C", sorted text COLLATE ucs_basic);
INSERT INTO person SELECT 'person' || i || '@bigcorp.org.uk', 'Gwenllian', 'x' FROM generate_series(1, 200) i;
CREATE INDEX ON person (name COLLATE "POSIX");
