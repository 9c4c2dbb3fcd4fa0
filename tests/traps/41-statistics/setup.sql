-- The planner's statistics hold the most common values themselves; they must not come along.
CREATE TABLE person (id int, name text, town text);
INSERT INTO person SELECT i, 'Gwenllian Featherstone', 'Tregaron ' || i % 3 FROM generate_series(1, 500) i;
CREATE STATISTICS together (mcv) ON name, town FROM person;
ALTER TABLE person ALTER name SET STATISTICS 1000;
ANALYZE person;
