-- Unlogged tables are in a backup like others.
CREATE UNLOGGED TABLE cache (key text PRIMARY KEY, email text);
INSERT INTO cache VALUES ('a', 'gwen@bigcorp.org.uk');
CREATE UNLOGGED SEQUENCE counter START 5;
SELECT nextval('counter');
