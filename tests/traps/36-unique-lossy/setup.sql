-- First names are few: in a unique column two rows would have the same.
CREATE TABLE person (id int, name text);
CREATE UNIQUE INDEX ON person (lower(name)) INCLUDE (id);
INSERT INTO person VALUES (1, 'Gwenllian');
