-- Unique without regard to case by an index on lower(email), and for some rows alone.
CREATE TABLE person (id int, email text, handle text, active boolean);
CREATE UNIQUE INDEX ON person (lower(email));
CREATE UNIQUE INDEX ON person (handle) WHERE active;
INSERT INTO person SELECT i, 'Person' || i || '@BigCorp.org.uk', 'Gwen' || i % 100, i < 100 FROM generate_series(0, 299) i;
