-- Two tables of one name in two schemas have rules of their own, and a third stands outside the search path.
CREATE SCHEMA archive;
CREATE SCHEMA hr;
CREATE TABLE public.person (id int PRIMARY KEY, name text);
CREATE TABLE archive.person (id int PRIMARY KEY, name text);
CREATE TABLE hr.person (id int PRIMARY KEY REFERENCES public.person, name text, pay numeric);
INSERT INTO public.person VALUES (1, 'Gwenllian Featherstone');
INSERT INTO archive.person VALUES (1, 'Gwenllian Featherstone');
INSERT INTO hr.person VALUES (1, 'Gwenllian Featherstone', 12345.67);
