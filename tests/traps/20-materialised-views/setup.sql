-- A materialised view is filled again from what is masked, in the right order, and keeps nothing of its own.
CREATE TABLE person (id int PRIMARY KEY, name text, email text);
INSERT INTO person VALUES (1, 'Gwenllian Featherstone', 'gwen@bigcorp.org.uk');
CREATE MATERIALIZED VIEW a_second AS SELECT 1 AS x;  -- made first, and later made to need the other
CREATE MATERIALIZED VIEW directory AS SELECT id, upper(name) AS name, email FROM person;
CREATE UNIQUE INDEX ON directory (email);
DROP MATERIALIZED VIEW a_second;
CREATE MATERIALIZED VIEW a_second AS SELECT name FROM directory;
CREATE MATERIALIZED VIEW unfilled AS SELECT * FROM person WITH NO DATA;
CREATE VIEW shown WITH (security_barrier) AS SELECT name FROM person;
