-- Columns that an exclusion constraint compares stay; the others of the row are masked.
CREATE EXTENSION btree_gist;
CREATE TABLE booking (room int, during tstzrange, name text, EXCLUDE USING gist (room WITH =, during WITH &&));
INSERT INTO booking VALUES
    (1, '[2024-01-01 10:00+00,2024-01-01 11:00+00)', 'Gwenllian Featherstone'),
    (1, '[2024-01-01 11:00+00,2024-01-01 12:00+00)', 'Bob Featherstone'),
    (2, 'empty', NULL), (2, '(,)', 'Cat Featherstone');
