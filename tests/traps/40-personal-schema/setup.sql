-- A comment names somebody: it would go with the schema.
CREATE TABLE person (id int, email text);
COMMENT ON TABLE person IS 'Ask gwen@bigcorp.org.uk before you change this';
