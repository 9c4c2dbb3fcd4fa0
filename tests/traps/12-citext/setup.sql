-- citext is unique without regard to case, and so are the pseudonyms.
CREATE EXTENSION citext;
CREATE TABLE person (email citext PRIMARY KEY, alias citext[] );
CREATE TABLE login (email citext REFERENCES person ON UPDATE CASCADE, at timestamptz);
INSERT INTO person VALUES ('Gwen@BigCorp.org.uk', '{Gwenllian,"G. Featherstone",NULL}'), ('bob@bigcorp.org.uk', '{}');
INSERT INTO login VALUES ('gwen@bigcorp.org.uk', now()), ('GWEN@BIGCORP.ORG.UK', now());
