-- A release adds a column and tells nobody: the strip stops and names it.
CREATE TABLE person (id int, email text, phone_number text);
INSERT INTO person VALUES (1, 'gwen@bigcorp.org.uk', '07911 123456');
