-- what is kept is kept
SELECT md5(string_agg(id || coalesce(kept, '-'), '|' ORDER BY id)) = md5(string_agg(i || coalesce(body, '-'), '|' ORDER BY i))
    FROM note JOIN (VALUES
    (1, '\N'), (2, '\.'), (3, E'\\.\n'), (4, E'a\r\nb\rc\nd'), (5, E'\ttab\t'), (6, E'\\'), (7, E'\\\\N'), (8, ''),
    (9, E'\b\f\v'), (10, 'COPY public.note FROM stdin;'), (11, E'x\n\\.\nDROP TABLE note;'), (12, E'\u202Eوهم ŵ 🐑'),
    (13, NULL), (14, 'NULL'), (15, E'\\x41\\101')) AS of (i, body) ON i = id;
-- around the address nothing has changed
SELECT bool_and(scrubbed LIKE '%@example.com%' AND split_part(scrubbed, ' ', 1) = split_part(kept, ' ', 1)
    AND right(scrubbed, length(kept)) = kept) FROM note WHERE kept IS NOT NULL;
-- a backslash of the rules stays one
SELECT bool_and(name = '<' || kept) FROM note WHERE kept <> '' AND kept !~ '^[\n\r]';
