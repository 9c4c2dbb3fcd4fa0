-- What divides a partitioned table can't be masked: the row would belong elsewhere.
CREATE TABLE person (id int, surname text) PARTITION BY RANGE (surname);
CREATE TABLE person_a_m PARTITION OF person FOR VALUES FROM ('A') TO ('N');
CREATE TABLE person_n_z PARTITION OF person FOR VALUES FROM ('N') TO (MAXVALUE);
INSERT INTO person VALUES (1, 'Featherstone'), (2, 'Zebedee');
