-- The first and the last date, those without end, before Christ and beyond the year 9999; every zone and precision.
CREATE TABLE person (id int, born date, seen timestamptz, met timestamp(0), stay daterange, alarm timetz, took interval);
INSERT INTO person VALUES
    (1, '0001-01-01', 'infinity', '9999-12-31 23:59:59', '[2020-01-01,2020-02-01)', '12:00+05:30', '1 year 2 mons'),
    (2, '9999-12-31', '-infinity', '0044-03-15 12:00:00 BC', 'empty', NULL, '-00:00:01'),
    (3, '5874897-12-31', '294276-12-31 23:59:59+00', '2024-02-29 23:59:59', '(,)', '00:00:00-15:59', 'infinity'),
    (4, '1980-02-29', '1850-01-01 00:00:00+00', '1999-12-31 23:59:59.9', '[1980-02-29,infinity)', NULL, NULL),
    (5, '4714-11-24 BC', '1980-02-29 12:00:00+00', NULL, NULL, NULL, NULL);
