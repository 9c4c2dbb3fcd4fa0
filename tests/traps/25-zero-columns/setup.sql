-- A table may have rows and no columns, or none but generated ones, or have lost some.
CREATE TABLE none ();
INSERT INTO none DEFAULT VALUES;
INSERT INTO none SELECT FROM generate_series(1, 41);
CREATE TABLE made (one int GENERATED ALWAYS AS (1) STORED);
INSERT INTO made DEFAULT VALUES;
CREATE TABLE lost (a text, b text, c text, d text);
INSERT INTO lost VALUES ('Gwenllian', 'gwen@bigcorp.org.uk', 'Featherstone', 'kept');
ALTER TABLE lost DROP a, DROP c;
ALTER TABLE lost ADD e text DEFAULT 'late';
