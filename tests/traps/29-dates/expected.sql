-- what is nobody's stays
SELECT bool_and(born = CASE id WHEN 1 THEN '0001-01-01'::date WHEN 2 THEN '9999-12-31' WHEN 3 THEN '5874897-12-31'
    WHEN 5 THEN '4714-11-24 BC' END) FROM person WHERE id <> 4;
-- without end stays without end
SELECT array_agg(seen::text ORDER BY id) = '{infinity,-infinity}' FROM person WHERE id < 3;
-- dates of one person move by the same number of days, as far as they may
SELECT born <> '1980-02-29' AND abs(born - '1980-02-29') <= 100 AND lower(stay) = born AND upper(stay) = 'infinity'
    FROM person WHERE id = 4;
-- rounded, the time of day goes as well
SELECT met = '2024-01-01 00:00:00' FROM person WHERE id = 3;
-- the time of day stays where a date is moved
SELECT seen::time AT TIME ZONE 'UTC' = '12:00' OR extract(minute FROM seen) = 0 FROM person WHERE id = 5;
