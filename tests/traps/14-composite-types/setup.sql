-- Fields of a composite type are masked by their places; quotes, commas and backslashes in them stay.
CREATE TYPE address AS (house text, email text, note text);
CREATE TABLE person (id int, home address, homes address[]);
INSERT INTO person VALUES
    (1, ROW('1, "High" St\', 'gwen@bigcorp.org.uk', NULL), NULL),
    (2, ROW(NULL, NULL, ''), '{}'),
    (3, NULL, NULL);
