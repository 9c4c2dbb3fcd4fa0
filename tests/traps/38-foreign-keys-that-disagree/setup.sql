-- Masked at one end alone, a foreign key would lead nowhere.
CREATE TABLE person (email text PRIMARY KEY);
CREATE TABLE account (owner text REFERENCES person);
INSERT INTO person VALUES ('gwen@bigcorp.org.uk');
INSERT INTO account VALUES ('gwen@bigcorp.org.uk');
