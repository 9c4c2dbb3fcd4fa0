-- the field is masked, its neighbour is not
SELECT (home).email LIKE '%@example.com' AND (home).house = '1, "High" St\' FROM person WHERE id = 1;
-- what is set is read as it was meant, over NULL and '' too
SELECT bool_and((home).note = '"x", y\') FROM person WHERE id < 3;
-- a row that is NULL stays NULL, and so does a field
SELECT (SELECT home IS NULL FROM person WHERE id = 3) AND (SELECT (home).email IS NULL FROM person WHERE id = 2);
