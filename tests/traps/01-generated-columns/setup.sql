-- What is generated from a masked column must be generated again, stored or not, and stands in no COPY.
CREATE TABLE person (
    id int PRIMARY KEY,
    folded text GENERATED ALWAYS AS (lower(email)) STORED,
    email text UNIQUE,
    shown text GENERATED ALWAYS AS ('<' || email || '>') VIRTUAL,
    domain text GENERATED ALWAYS AS (split_part(email, '@', 2)) STORED
);
INSERT INTO person (id, email) VALUES (1, 'Gwen@bigcorp.org.uk'), (2, NULL), (3, '');
CREATE INDEX ON person (folded);
