-- A table that belongs to an extension is the extension's business: its rows are in no backup.
CREATE EXTENSION pg_trgm;
CREATE TABLE settings (id int, email text);
INSERT INTO settings VALUES (1, 'gwen@bigcorp.org.uk');
ALTER EXTENSION pg_trgm ADD TABLE settings;
CREATE TABLE person (id int, name text);
INSERT INTO person VALUES (1, 'Gwenllian Featherstone');
CREATE INDEX ON person USING gin (name gin_trgm_ops);
