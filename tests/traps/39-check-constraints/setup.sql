-- A CHECK that no pseudonym can be known to meet.
CREATE TABLE person (id int, code text CHECK (code ~ '^[A-Z]{2}[0-9]{4}$'), email text CHECK (email <> ''));
INSERT INTO person VALUES (1, 'GF1234', 'gwen@bigcorp.org.uk');
