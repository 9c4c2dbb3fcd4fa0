-- Text that a rule takes for an array of hstores ... by a path into a text that is cut off.
CREATE TABLE page (id int, content json);
INSERT INTO page VALUES (1, '{"pay": 1}'), (2, '{"pay": "Featherstone"}');
