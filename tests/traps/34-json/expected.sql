-- every digit, space and key is where it was
SELECT regexp_replace(said::text, '[a-z]+\.[0-9a-f]{16}@example.com', '?', 'g')
    = '{"n": [12345678901234567890, 1.10, 1e3],  "who": {"email": "?"}, "who": {"email": "?"}}' FROM event WHERE id = 1;
-- as far down as it was
SELECT said->>'who' ~ '^{"email": "[a-z.0-9]+@example.com", "\\u00e9": 1.10}$' FROM event WHERE id = 2;
-- the same person everywhere: keys, JSON in JSON in text, scalars, free text
SELECT count(DISTINCT address) = 1 FROM (
    SELECT said->'who'->>'email' FROM event WHERE id = 1
    UNION ALL SELECT jsonb_object_keys(stored->'by') FROM event WHERE id = 2
    UNION ALL SELECT (packed::jsonb->>'inner')::jsonb->'who'->>'email' FROM event WHERE id = 1
    UNION ALL SELECT said#>>'{}' FROM event WHERE id = 4
    UNION ALL SELECT split_part(packed, 'from ', 2) FROM event WHERE id = 5) AS of (address);
-- JSON's null is not NULL
SELECT stored = 'null' AND said::text = 'null' FROM event WHERE id = 3;
