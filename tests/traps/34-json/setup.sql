-- Numbers that no computer's float holds, keys that come twice, JSON in JSON, and personal keys.
CREATE TABLE event (id int, said json, stored jsonb, packed text);
INSERT INTO event SELECT i, said::json, said::jsonb, jsonb_build_object('inner', said)::text FROM (VALUES
    (1, '{"n": [12345678901234567890, 1.10, 1e3],  "who": {"email": "gwen@bigcorp.org.uk"}, "who": {"email": "gwen@bigcorp.org.uk"}}'),
    (2, '{"who": "{\"email\": \"gwen@bigcorp.org.uk\", \"\\u00e9\": 1.10}", "by": {"gwen@bigcorp.org.uk": 1}}'),
    (3, 'null'), (4, '"gwen@bigcorp.org.uk"'), (5, '[]')) AS of (i, said);
UPDATE event SET packed = 'no JSON, from gwen@bigcorp.org.uk' WHERE id = 5;
