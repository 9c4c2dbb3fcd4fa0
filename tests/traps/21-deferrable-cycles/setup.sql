-- Tables that refer to one another and to themselves, by keys that are checked late, and by masked ones.
CREATE TABLE page (id int PRIMARY KEY, slug text UNIQUE, latest int, parent text REFERENCES page (slug));
CREATE TABLE revision (id int PRIMARY KEY, page int NOT NULL REFERENCES page DEFERRABLE INITIALLY DEFERRED, body text);
ALTER TABLE page ADD FOREIGN KEY (latest) REFERENCES revision DEFERRABLE INITIALLY DEFERRED;
BEGIN;
INSERT INTO page VALUES (1, 'gwenllian-featherstone', 11, NULL), (2, 'letters', 12, 'gwenllian-featherstone'),
    (3, 'self', NULL, 'self');
INSERT INTO revision VALUES (11, 1, 'gwen@bigcorp.org.uk'), (12, 2, '');
COMMIT;
