-- a label stays a label
SELECT array_agg(mood::text ORDER BY id) = '{"happy, mostly","",NULL}' FROM person;
-- elements too, and NULL stays NULL
SELECT moods::text = '{"so so","so so",NULL}' FROM person WHERE id = 1;
-- bounds stay, and a text that says NULL is none
SELECT array_lower(names, 1) = 2 AND names[3] IS NOT NULL AND names[2] !~ 'Featherstone' FROM person WHERE id = 1;
-- dimensions stay
SELECT array_dims(names) = '[1:2][1:2]' AND names[2][1] = '' AND names[2][2] IS NULL FROM person WHERE id = 3;
-- integers stay integers
SELECT array_dims(ages) = '[1:2][1:2]' AND ages[2][2] IS NULL AND ages[1][1] <> 1 FROM person WHERE id = 1;
