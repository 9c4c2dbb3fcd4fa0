-- One value of 300 MB beside masked ones; and one of 20 MB that is masked itself, in JSON.
CREATE TABLE file (id int, name text, body text);
ALTER TABLE file ALTER body SET STORAGE EXTERNAL;  -- compressing would take longer than all the rest
INSERT INTO file VALUES (1, 'gwen@bigcorp.org.uk', 'x');
INSERT INTO file SELECT 2, 'bob@bigcorp.org.uk', repeat(repeat('nothing but words ', 100), 166667);
CREATE TABLE document (id int, body jsonb);
INSERT INTO document SELECT 1, jsonb_build_object('by', 'gwen@bigcorp.org.uk', 'body', repeat('words ', 3300000));
