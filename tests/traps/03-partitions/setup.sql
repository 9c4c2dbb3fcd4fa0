-- Rows live in partitions, of partitions, and in the default one; keys of the partitioned table are those of each.
CREATE TABLE visit (id int, day date NOT NULL, country text NOT NULL, email text, PRIMARY KEY (id, day, country))
    PARTITION BY RANGE (day);
CREATE TABLE visit_2024 PARTITION OF visit FOR VALUES FROM ('2024-01-01') TO ('2025-01-01') PARTITION BY LIST (country);
CREATE TABLE visit_2024_uk (country text NOT NULL, email text, day date NOT NULL, id int NOT NULL);  -- another order
ALTER TABLE visit_2024 ATTACH PARTITION visit_2024_uk FOR VALUES IN ('uk');
CREATE TABLE visit_2024_rest PARTITION OF visit_2024 DEFAULT;
CREATE TABLE visit_rest PARTITION OF visit DEFAULT;
CREATE INDEX ON visit (email);
CREATE TABLE note (visit int, day date, country text, body text,
    FOREIGN KEY (visit, day, country) REFERENCES visit (id, day, country));
INSERT INTO visit SELECT i, date '2023-12-01' + i * 20, CASE i % 2 WHEN 0 THEN 'uk' ELSE 'fr' END,
    'person' || i || '@bigcorp.org.uk' FROM generate_series(1, 40) i;
INSERT INTO note SELECT id, day, country, 'from ' || email FROM visit WHERE id < 5;
