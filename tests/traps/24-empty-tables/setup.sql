-- No rows, no rows any more, and no columns left of some.
CREATE TABLE nothing (id int, email text, details jsonb, names text[]);
CREATE TABLE gone (id int, email text);
INSERT INTO gone VALUES (1, 'gwen@bigcorp.org.uk');
DELETE FROM gone;
CREATE TABLE only_nulls (a text, b text);
INSERT INTO only_nulls VALUES (NULL, NULL), (NULL, '');
