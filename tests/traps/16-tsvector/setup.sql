-- A tsvector holds the words of the original, so it is emptied, unless it is generated from what is masked.
CREATE TABLE page (
    id int, body text, words tsvector, said tsvector GENERATED ALWAYS AS (to_tsvector('english', body)) STORED,
    asked tsquery
);
INSERT INTO page (id, body, words, asked) SELECT i, body, to_tsvector('english', body), 'Featherstone & letter'
    FROM (VALUES (1, 'A letter from gwen@bigcorp.org.uk'), (2, NULL)) AS of (i, body);
CREATE INDEX ON page USING gin (said);
