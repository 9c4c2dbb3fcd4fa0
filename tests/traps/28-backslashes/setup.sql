-- What COPY itself means by a backslash, as text: \N, \., ends of lines, tabs; masked, scrubbed and kept.
CREATE TABLE note (id int, kept text, scrubbed text, name text);
INSERT INTO note SELECT i, body, body, body FROM (VALUES
    (1, '\N'), (2, '\.'), (3, E'\\.\n'), (4, E'a\r\nb\rc\nd'), (5, E'\ttab\t'), (6, E'\\'), (7, E'\\\\N'), (8, ''),
    (9, E'\b\f\v'), (10, 'COPY public.note FROM stdin;'), (11, E'x\n\\.\nDROP TABLE note;'), (12, E'\u202Eوهم ŵ 🐑'),
    (13, NULL), (14, 'NULL'), (15, E'\\x41\\101')) AS of (i, body);
UPDATE note SET scrubbed = scrubbed || ' gwen@bigcorp.org.uk ' || scrubbed;
