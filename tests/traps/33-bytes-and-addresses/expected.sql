-- the photo is another 32 bytes
SELECT length(photo) = 32 AND position('Feather'::bytea IN photo) = 0 FROM thing WHERE id = 1;
-- the host is one of those for documentation
SELECT host <<= ANY (ARRAY['192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24']::inet[]) FROM thing WHERE id = 1;
-- the rest is as it was
SELECT (key, flags, more, net::text, place::text, kind::text, page::text, tid::text, code, boxes::text) = (
    '\x00ff5c4e'::bytea, B'101'::bit(3), B'1'::bit varying(9), '2a00:1450::/32', '(1.5,-2)', 'pg_class', '16/B374D848',
    '(0,1)', '\'::"char", '{(1,1),(0,0);(2,2),(1,1)}') FROM thing WHERE id = 1;
-- nothing stays nothing
SELECT more = B'' AND code = '' AND boxes::text = '{}' AND key IS NULL FROM thing WHERE id = 2;
