-- Domains over domains, with checks and NOT NULL of their own.
CREATE DOMAIN address AS text CHECK (VALUE LIKE '%@%');
CREATE DOMAIN work_address AS address NOT NULL;
CREATE DOMAIN code AS char(6) DEFAULT 'AB12CD';
CREATE DOMAIN age AS smallint CHECK (VALUE BETWEEN 0 AND 150);
CREATE TABLE person (id int, email work_address, code code, age age, friends address[]);
INSERT INTO person VALUES (1, 'gwen@bigcorp.org.uk', 'ZZ99ZZ', 41, '{bob@bigcorp.org.uk,NULL}'),
    (2, 'bob@bigcorp.org.uk', NULL, NULL, NULL);
