-- A child table has its parent's columns and rows of its own; reading the parent reads both.
CREATE TABLE person (id int PRIMARY KEY, name text);
CREATE TABLE member (since date, email text) INHERITS (person);
CREATE TABLE patron (gift money) INHERITS (member);
INSERT INTO person VALUES (1, 'Gwenllian Featherstone');
INSERT INTO member VALUES (2, 'Bob Featherstone', '2020-02-29', 'bob@bigcorp.org.uk');
INSERT INTO patron VALUES (3, 'Cat Featherstone', 'infinity', 'cat@bigcorp.org.uk', 12.50);
