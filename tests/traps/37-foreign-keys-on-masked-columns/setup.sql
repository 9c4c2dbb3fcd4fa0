-- A natural key: both ends are masked alike, through a chain and from two tables.
CREATE TABLE person (email text PRIMARY KEY, name text);
CREATE TABLE account (email text PRIMARY KEY REFERENCES person ON UPDATE CASCADE, opened date);
CREATE TABLE letter (sender text REFERENCES account, receiver text REFERENCES person, body text);
INSERT INTO person SELECT 'p' || i || '@bigcorp.org.uk', 'Person ' || i FROM generate_series(1, 50) i;
INSERT INTO account SELECT email, '2020-01-01' FROM person;
INSERT INTO letter SELECT 'p' || i || '@bigcorp.org.uk', 'p' || 51 - i || '@bigcorp.org.uk', NULL FROM generate_series(1, 50) i;
