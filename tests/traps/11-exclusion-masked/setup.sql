-- What an exclusion constraint compares can't be moved: two rows might then overlap.
CREATE EXTENSION btree_gist;
CREATE TABLE booking (room int, during daterange, EXCLUDE USING gist (room WITH =, during WITH &&));
INSERT INTO booking VALUES (1, '[2024-01-01,2024-01-05)'), (1, '[2024-01-05,2024-01-09)');
